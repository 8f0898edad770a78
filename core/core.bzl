"""How core is compiled: each library twice, as it ships and as it is simulated."""

load("//sim/style:tidy.bzl", "tidy_test")

# Of our own code only, never of generated or foreign code, hence not in .bazelrc.
WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wconversion",
    "-Wno-sign-conversion",
    "-Wmissing-prototypes",
    "-Wswitch-enum",
    "-Werror",
]

# --config=explore: the compiler reports each access of the code under test to sim/race, and calls
# of the C library about strings go there too.
_WATCHED = select({
    "//:explore": [
        "-fsanitize=thread",
        "-include",
        "sim/race/watched.h",
    ],
    "//conditions:default": [],
})

_WATCHED_DEPS = select({
    "//:explore": ["//sim/race:watched"],
    "//conditions:default": [],
})

def _twin(label):
    """The simulated twin of a label of core; any other label is its own."""
    if label.startswith("@") or (label.startswith("//") and not label.startswith("//core")):
        return label
    if ":" not in label and label.startswith("//"):
        label += ":" + label.split("/")[-1]
    return label + "_sim"

def core_library(
        name,
        srcs = [],
        hdrs = [],
        deps = [],
        linkopts = [],
        copts = [],
        textual_hdrs = [],
        tidy = True,
        visibility = ["//visibility:public"],
        **kwargs):
    """A library of core: `name` as it ships, and `name_sim` with CORE_SIMULATED defined.

    Write deps without a suffix: the twin gets the twins of those that belong to core. The define
    reaches whoever depends on the twin, so that both sides of a header see the same structures.
    """
    native.cc_library(
        name = name,
        srcs = srcs,
        hdrs = hdrs,
        textual_hdrs = textual_hdrs,
        copts = WARNINGS + copts,
        linkopts = linkopts,
        deps = deps,
        visibility = visibility,
        **kwargs
    )
    native.cc_library(
        name = name + "_sim",
        srcs = srcs,
        hdrs = hdrs,
        textual_hdrs = textual_hdrs,
        copts = WARNINGS + copts + _WATCHED,
        defines = ["CORE_SIMULATED=1"],
        linkopts = linkopts,
        deps = [_twin(dep) for dep in deps] + _WATCHED_DEPS,
        visibility = visibility,
        **kwargs
    )
    if tidy:
        tidy_test(name, srcs, hdrs + textual_hdrs, deps, copts)

def core_binary(name, srcs, deps = [], copts = [], tidy = True, **kwargs):
    """A native program."""
    native.cc_binary(
        name = name,
        srcs = srcs,
        copts = WARNINGS + copts,
        deps = deps,
        **kwargs
    )
    if tidy:
        tidy_test(name, srcs, [], deps, copts)

def core_test(name, srcs, deps = [], copts = [], linkopts = [], size = "small", **kwargs):
    """A cmocka test of the native libraries."""
    native.cc_test(
        name = name,
        srcs = srcs,
        size = size,
        copts = WARNINGS + copts,
        linkopts = linkopts + ["-lcmocka"],
        deps = deps,
        **kwargs
    )
