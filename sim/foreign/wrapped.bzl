"""Calls that sim/foreign takes over, as //sim/posix:wrapped.bzl."""

WRAPPED_FOREIGN = [
    "__dprintf_chk",
    "chdir",
    "dprintf",
    "fchdir",
    "fclose",
    "flockfile",
    "ftrylockfile",
    "funlockfile",
    "setlocale",
    "strtok",
    "umask",
    "vdprintf",
]

def foreign_linkopts():
    """The linkopts of the library that defines their __wrap_ functions."""
    return ["-Wl,--wrap=" + name for name in WRAPPED_FOREIGN]
