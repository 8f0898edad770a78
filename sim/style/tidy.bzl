"""clang-tidy as a test of each library, so that Bazel runs it again only where something changed."""

def _is_checked(src):
    return src.extension == "c" and src.is_source

def _tidy_test_impl(ctx):
    contexts = [dep[CcInfo].compilation_context for dep in ctx.attr.deps]
    headers = depset(transitive = [context.headers for context in contexts])
    flags = ["-D" + define for context in contexts for define in context.defines.to_list()]
    script = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(script, "#!/bin/sh\nexec %s %s -- %s\n" % (
        ctx.executable._runner.short_path,
        " ".join([src.short_path for src in ctx.files.srcs if _is_checked(src)]),
        " ".join(flags + ctx.attr.copts),
    ), is_executable = True)
    runfiles = ctx.runfiles(
        files = ctx.files.srcs + ctx.files._config + [ctx.executable._runner],
        transitive_files = headers,
    )
    return [DefaultInfo(executable = script, runfiles = runfiles)]

_tidy_test = rule(
    implementation = _tidy_test_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = True),
        "deps": attr.label_list(providers = [CcInfo]),
        "copts": attr.string_list(),
        "_config": attr.label(default = "//:.clang-tidy", allow_single_file = True),
        "_runner": attr.label(
            default = "//sim/style:tidy.sh",
            allow_single_file = True,
            executable = True,
            cfg = "target",
        ),
    },
    test = True,
)

def tidy_test(name, srcs, hdrs, deps, copts):
    """`name_tidy`: clang-tidy over the .c files of the target `name`, and what they include.

    Generated sources are not checked. A target that uses select() is not checked at all.
    """
    for attribute in (srcs, hdrs, deps, copts):
        if type(attribute) != type([]):
            return
    if not [src for src in srcs if src.endswith(".c")]:
        return
    _tidy_test(
        name = name + "_tidy",
        size = "medium",
        srcs = srcs + hdrs,
        copts = copts,
        deps = deps,
        tags = ["style"],
    )
