"""Programs as a user builds them with `heddle cc`, for tests and examples."""

load("//sim:builds.bzl", "build_transition")

_CXX = ("cc", "cpp", "cxx", "C")

def _heddle_program_impl(ctx):
    program = ctx.actions.declare_file(ctx.label.name)
    compiler = ctx.attr._compiler[0].files_to_run.executable
    runtime = ctx.attr._runtime[0].files.to_list()
    is_cxx = [src for src in ctx.files.srcs if src.extension in _CXX] != []

    arguments = ctx.actions.args()
    arguments.add(runtime[0].dirname)
    arguments.add("heddle-c++" if is_cxx else "heddle-cc")
    arguments.add(compiler)
    # Debug information names sources as they are called from the root of the repository.
    arguments.add_all(["-O1", "-ffile-compilation-dir=.", "-I."])
    arguments.add_all(ctx.attr.copts)
    arguments.add_all(ctx.files.srcs)
    arguments.add("-o", program)
    arguments.add_all(ctx.attr.linkopts)
    ctx.actions.run_shell(
        inputs = ctx.files.srcs + ctx.files.hdrs + runtime,
        outputs = [program],
        tools = [compiler],
        arguments = [arguments],
        command = 'HEDDLE_RUNTIME=$1 exec -a "$2" "${@:3}"',
        mnemonic = "HeddleProgram",
        progress_message = "heddle cc %s" % ctx.label,
        use_default_shell_env = True,
    )
    return [DefaultInfo(
        executable = program,
        files = depset([program]),
        runfiles = ctx.runfiles(files = [program]),
    )]

_heddle_program = rule(
    implementation = _heddle_program_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = True, mandatory = True),
        "hdrs": attr.label_list(allow_files = True),
        "copts": attr.string_list(),
        "linkopts": attr.string_list(),
        "build": attr.string(default = "explore", values = ["explore"]),
        "_compiler": attr.label(default = "//sim/cc:heddle-cc", cfg = build_transition),
        "_runtime": attr.label(default = "//sim/runtime", cfg = build_transition),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    executable = True,
)

def heddle_program(name, srcs, hdrs = [], copts = [], linkopts = [], **kwargs):
    """The program of `srcs`, in C or, if one of them is, in C++.

    It is the same whatever --config the caller builds with: the runtime is that of the explore
    build. `copts` come after -O1; `linkopts` (libraries) come last.
    """
    _heddle_program(
        name = name,
        srcs = srcs,
        hdrs = hdrs,
        copts = copts,
        linkopts = linkopts,
        **kwargs
    )

def _heddle_kit_impl(ctx):
    files = depset(ctx.files._files)
    return [DefaultInfo(files = files, runfiles = ctx.runfiles(transitive_files = files))]

heddle_kit = rule(
    doc = "What `heddle install` copies: the tool, the compiler's wrapper and its runtime, in explore.",
    implementation = _heddle_kit_impl,
    attrs = {
        "build": attr.string(default = "explore", values = ["explore"]),
        "_files": attr.label_list(
            default = [
                "//sim/cc:heddle-cc",
                "//sim/cli:heddle",
                "//sim/runtime",
            ],
            cfg = build_transition,
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
