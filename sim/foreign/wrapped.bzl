"""Calls that sim/foreign takes over, as //sim/posix:wrapped.bzl."""

WRAPPED_FOREIGN = [
    "__dprintf_chk",
    "dprintf",
    "fclose",
    "flockfile",
    "ftrylockfile",
    "funlockfile",
    "setlocale",
    "strtok",
    "vdprintf",
]

def foreign_linkopts():
    """The linkopts of the library that defines their __wrap_ functions."""
    return ["-Wl,--wrap=" + name for name in WRAPPED_FOREIGN]
