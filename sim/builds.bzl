"""A program in the other builds too, so that one `bazel test` compares explore, plain, asan, tsan."""

# What --config=NAME adds in .bazelrc: //sim/e2e:builds_test holds the two together. --define and
# --platform_suffix are not here: a transition cannot define (so //:explore looks at the copt), and
# Bazel names its output folder by itself.
BUILDS = {
    "asan": struct(
        copts = [
            "-fsanitize=address,undefined",
            "-fsanitize-recover=address",
            "-DHEDDLE_BUILD_ASAN=1",
        ],
        linkopts = ["-fsanitize=address,undefined"],
    ),
    "explore": struct(
        copts = ["-DHEDDLE_BUILD_EXPLORE=1"],
        linkopts = [],
    ),
    "plain": struct(
        copts = [],
        linkopts = [],
    ),
    "tsan": struct(
        copts = [
            "-fsanitize=thread",
            "-DHEDDLE_BUILD_TSAN=1",
        ],
        linkopts = ["-fsanitize=thread"],
    ),
}

_COPT = "//command_line_option:copt"
_LINKOPT = "//command_line_option:linkopt"

def _without(flags, dropped):
    return [flag for flag in flags if flag not in dropped]

def _build_transition_impl(settings, attr):
    # Whatever --config the outer build has, its flags go first: the result is the same.
    copts = settings[_COPT]
    linkopts = settings[_LINKOPT]
    for build in BUILDS.values():
        copts = _without(copts, build.copts)
        linkopts = _without(linkopts, build.linkopts)
    return {
        _COPT: copts + BUILDS[attr.build].copts,
        _LINKOPT: linkopts + BUILDS[attr.build].linkopts,
    }

_build_transition = transition(
    implementation = _build_transition_impl,
    inputs = [
        _COPT,
        _LINKOPT,
    ],
    outputs = [
        _COPT,
        _LINKOPT,
    ],
)

# For rules of other files that want the outputs of a dependency as another build makes them.
build_transition = _build_transition

def _built_as_impl(ctx):
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(
        output = program,
        target_file = ctx.attr.binary[0].files_to_run.executable,
        is_executable = True,
    )
    return [DefaultInfo(
        executable = program,
        files = depset([program]),
        runfiles = ctx.runfiles(files = [program]).merge(ctx.attr.binary[0].default_runfiles),
    )]

built_as = rule(
    doc = "The program `binary`, built as --config=`build` would.",
    implementation = _built_as_impl,
    attrs = {
        "binary": attr.label(
            mandatory = True,
            executable = True,
            cfg = _build_transition,
        ),
        "build": attr.string(
            mandatory = True,
            values = sorted(BUILDS.keys()),
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    executable = True,
)

def _build_flags_impl(ctx):
    lines = []
    for name in sorted(BUILDS.keys()):
        lines += ["build:%s --copt=%s" % (name, flag) for flag in BUILDS[name].copts]
        lines += ["build:%s --linkopt=%s" % (name, flag) for flag in BUILDS[name].linkopts]
    out = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(out, "".join([line + "\n" for line in lines]))
    return [DefaultInfo(
        files = depset([out]),
        runfiles = ctx.runfiles(files = [out]),
    )]

build_flags = rule(
    doc = "A file of the flags above, as .bazelrc would say them.",
    implementation = _build_flags_impl,
)
