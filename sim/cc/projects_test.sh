#!/usr/bin/env bash
# projects_test.sh: an autotools project and a CMake project build with the compilers as they are
# installed, pass their own tests, and have their bugs found.
# shellcheck source=installed.sh disable=SC1091,SC2154
. sim/cc/installed.sh

unlucky='expectation: .* status 7'

builds_with_autotools() # CC
{
    cp -L "$here"/projects/autotools/* .
    run_expecting 0 autoreconf -fi
    run_expecting 0 ./configure CC="$1"
    run_expecting 0 make
    expect_bug "$unlucky" ./meter
    run_expecting 0 make distclean
}

builds_with_cmake()
{
    mkdir build
    cp -L "$here"/projects/cmake/* .
    cd build
    run_expecting 0 cmake -DCMAKE_C_COMPILER=heddle-cc -DCMAKE_CXX_COMPILER=heddle-c++ ..
    run_expecting 0 make
    expect_bug "$unlucky" ./count
}

run_case "builds_with_autotools heddle cc" in_folder builds_with_autotools "heddle cc"
run_case "builds_with_cmake heddle-cc" in_folder builds_with_cmake
end_cases
