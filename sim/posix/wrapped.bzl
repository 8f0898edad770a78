"""The POSIX calls that the simulator takes over at link time."""

load("//sim/posix:wrapped_files.bzl", "WRAPPED_FILES")
load("//sim/posix:wrapped_io.bzl", "WRAPPED_IO")
load("//sim/posix:wrapped_memory.bzl", "WRAPPED_MEMORY")
load("//sim/posix:wrapped_threads.bzl", "WRAPPED_THREADS")

# For each NAME the code under test calls __wrap_NAME, and the simulator reaches the kernel's as
# __real_NAME.
WRAPPED = WRAPPED_FILES + WRAPPED_IO + WRAPPED_MEMORY + WRAPPED_THREADS

def wrap_linkopts():
    """The linkopts of the library that defines the __wrap_ functions."""
    return ["-Wl,--wrap=" + name for name in WRAPPED]
