#!/bin/sh
# Bazel wants a coverage tool to exist before it runs a test. Nothing here uses it.
exit 0
