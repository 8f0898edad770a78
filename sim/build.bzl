"""How sim is compiled: warnings on, never instrumented, parsers generated."""

load("//core:core.bzl", "WARNINGS")
load("//sim/style:tidy.bzl", "tidy_test")

# The engine swaps stacks and thread-local storage under the code that it runs, and is itself no
# part of what the sanitizers judge. A target's copts come after those of --config, so this wins.
_UNSANITIZED = ["-fno-sanitize=all"]

# Code written by re2c and lemon.
_GENERATED = ["-w"]

def _copts(copts, generated):
    return (_GENERATED if generated else WARNINGS) + _UNSANITIZED + copts

def _check_deps(name, deps):
    """A native library of core inside a simulated program would be two truths about one struct."""
    for dep in deps:
        if dep.startswith("//core") and not dep.endswith("_sim"):
            fail("%s: the simulator links the twin: %s_sim" % (name, dep))

def sim_library(
        name,
        srcs = [],
        hdrs = [],
        deps = [],
        copts = [],
        generated = False,
        tidy = True,
        visibility = ["//visibility:public"],
        **kwargs):
    """A library of the simulator. `generated` is for sources nobody wrote: no warnings, no tidy."""
    if type(deps) == type([]):
        _check_deps(name, deps)
    native.cc_library(
        name = name,
        srcs = srcs,
        hdrs = hdrs,
        copts = _copts(copts, generated),
        deps = deps,
        visibility = visibility,
        **kwargs
    )
    if tidy and not generated:
        tidy_test(name, srcs, hdrs, deps, copts)

def sim_binary(
        name,
        srcs,
        deps = [],
        copts = [],
        tidy = True,
        visibility = ["//visibility:public"],
        **kwargs):
    """A program of the simulator."""
    if type(deps) == type([]):
        _check_deps(name, deps)
    native.cc_binary(
        name = name,
        srcs = srcs,
        copts = _copts(copts, False),
        deps = deps,
        visibility = visibility,
        **kwargs
    )
    if tidy:
        tidy_test(name, srcs, [], deps, copts)

def sim_test(name, srcs, deps = [], copts = [], linkopts = [], size = "small", **kwargs):
    """A cmocka test of the simulator."""
    if type(deps) == type([]):
        _check_deps(name, deps)
    native.cc_test(
        name = name,
        srcs = srcs,
        size = size,
        copts = _copts(copts, False),
        linkopts = linkopts + ["-lcmocka"],
        deps = deps,
        **kwargs
    )

def re2c(name, src, out, flags = []):
    """Generates the scanner `out` (a .c file) from `src`. Name `out` in the srcs of a library."""
    native.genrule(
        name = name,
        srcs = [src],
        outs = [out],
        cmd = "re2c -W -Werror --no-generation-date %s -o $@ $<" % " ".join(flags),
    )

def lemon(name, src, outs = None):
    """Generates a parser from the grammar `src`, x.y. `outs` is x.c and x.h, in this order."""
    stem = src[:-len(".y")]
    if outs == None:
        outs = [stem + ".c", stem + ".h"]
    if outs != [stem + ".c", stem + ".h"]:
        fail("lemon names its outputs after the grammar: %s.c and %s.h" % (stem, stem))
    native.genrule(
        name = name,
        srcs = [src],
        outs = outs,
        # A conflict in the grammar is an error: lemon returns how many there are.
        cmd = "lemon -q -T/usr/share/lemon/lempar.c -d$(RULEDIR) $<",
    )
