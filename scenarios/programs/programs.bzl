"""The programs of this folder in the ways that tests and benchmarks want them."""

load("//core:core.bzl", "WARNINGS")
load("//sim:builds.bzl", "built_as")
load("//sim/runtime:program.bzl", "heddle_program")

PROGRAMS = [
    "aba_stack",
    "account",
    "bluetooth_driver",
    "carter01",
    "circular_buffer",
    "condvar_if",
    "deadlock01",
    "dekker",
    "double_checked",
    "epoll_echo",
    "lazy01",
    "peterson",
    "queue",
    "refcount",
    "reorder",
    "rwlock_starvation",
    "stack",
    "timer_close",
    "token_ring",
    "twostage",
    "work_stealing",
    "wronglock",
]

# As people compile a program that they want to debug.
_COPTS = [
    "-std=c11",
    "-D_GNU_SOURCE",
    "-g",
    "-fno-omit-frame-pointer",
    "-pthread",
]

def _variant(name, src, copts):
    heddle_program(
        name = name,
        srcs = [src],
        copts = _COPTS + copts,
        visibility = ["//visibility:public"],
    )

    # By itself, without a trace of the simulator; and the same under clang's ThreadSanitizer.
    native.cc_binary(
        name = name + "_native",
        srcs = [src],
        copts = WARNINGS + copts,
        linkopts = ["-lpthread"],
    )
    built_as(
        name = name + "_tsan",
        binary = ":" + name + "_native",
        build = "tsan",
        visibility = ["//visibility:public"],
    )

def example_programs():
    """NAME and its twin NAME_fixed for each, :simulated and :sanitized for all."""
    for name in PROGRAMS:
        _variant(name, name + ".c", [])
        _variant(name + "_fixed", name + ".c", ["-DFIXED"])
    variants = PROGRAMS + [name + "_fixed" for name in PROGRAMS]
    native.filegroup(
        name = "simulated",
        srcs = variants,
        visibility = ["//visibility:public"],
    )
    native.filegroup(
        name = "sanitized",
        srcs = [name + "_tsan" for name in variants],
        visibility = ["//visibility:public"],
    )
