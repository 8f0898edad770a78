#!/bin/sh
# packages.sh: what a build needs besides the compiler and the linker of OSS-Fuzz's image, whose base
# is Ubuntu 24.04. (In 20.04 there is no bazel-bootstrap.) Debian has the same names.
set -eu
apt-get update
DEBIAN_FRONTEND=noninteractive exec apt-get install -y --no-install-recommends \
    bazel-bootstrap re2c lemon zip \
    libbsd-dev libxxhash-dev libnghttp2-dev libgnutls28-dev libdw-dev libelf-dev libjson-c-dev
