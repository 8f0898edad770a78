"""A program with its own main(), compiled and linked as `heddle cc` does it."""

load("//sim:builds.bzl", "build_transition")

_COPTS = [
    "-std=c11",
    "-D_GNU_SOURCE",
    "-O1",
    "-g",
    "-fno-omit-frame-pointer",
    "-ffile-compilation-dir=.",
    "-fPIE",
    "-fsanitize=thread",
    "-Wall",
    "-Wextra",
    "-Werror",
]

def _simulated_program_impl(ctx):
    object = [file for file in ctx.files._runtime if file.extension == "o"][0]
    flags = [file for file in ctx.files._runtime if file.extension == "flags"][0]
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.run_shell(
        inputs = [ctx.file.src, object, flags],
        outputs = [program],
        mnemonic = "SimulatedProgram",
        progress_message = "Building %s for explore" % ctx.label.name,
        # The instrumentation comes from the compiler, its runtime from us: never linked with
        # -fsanitize=thread.
        command = """
set -eu
clang-19 {copts} -c {src} -o {program}.o
clang-19 -pie -fuse-ld=lld-19 {program}.o {object} @{flags} -o {program}
rm -f {program}.o
""".format(
            copts = " ".join(_COPTS + ctx.attr.copts),
            src = ctx.file.src.path,
            object = object.path,
            flags = flags.path,
            program = program.path,
        ),
        use_default_shell_env = True,
    )
    return [DefaultInfo(
        executable = program,
        files = depset([program]),
        runfiles = ctx.runfiles(files = [program]),
    )]

simulated_program = rule(
    doc = "The C program `src`, with the simulator linked into it: what `heddle explore` takes.",
    implementation = _simulated_program_impl,
    attrs = {
        "build": attr.string(
            default = "explore",
            doc = "of the runtime; read by the transition",
            values = ["explore"],
        ),
        "copts": attr.string_list(),
        "src": attr.label(
            mandatory = True,
            allow_single_file = [".c"],
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
        "_runtime": attr.label_list(
            default = [
                "//sim/runtime:runtime.o",
                "//sim/runtime:runtime.flags",
            ],
            allow_files = True,
            cfg = build_transition,
        ),
    },
    executable = True,
)
