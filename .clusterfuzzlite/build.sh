#!/usr/bin/env bash
# As OSS-Fuzz builds.
exec "$SRC/heddle/fuzz/oss/build.sh"
