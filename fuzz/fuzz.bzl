"""cc_fuzz_test: one target for libFuzzer, AFL++ and as a plain test. Names are rules_fuzzing's."""

load("//core:core.bzl", "WARNINGS")
load("//fuzz:runtime.bzl", "RUNTIME")
load("//sim/style:tidy.bzl", "tidy_test")

def _corpus_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    arguments = ctx.actions.args()
    if ctx.attr.is_text:
        arguments.add("--text")
    arguments.add(out.path)
    arguments.add_all(ctx.files.srcs, expand_directories = False)
    ctx.actions.run(
        outputs = [out],
        inputs = ctx.files.srcs,
        executable = ctx.executable._seeds,
        arguments = [arguments],
        mnemonic = "FuzzSeeds",
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles(files = [out]))]

fuzz_corpus = rule(
    doc = "A folder of inputs as engines want them. fuzz/engine/seeds.c says what becomes of which file.",
    implementation = _corpus_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = True),
        "is_text": attr.bool(doc = "scenarios stay as people write them"),
        # Of the build itself: a host build would compile everything once more.
        "_seeds": attr.label(
            default = "//fuzz/engine:seeds",
            executable = True,
            cfg = "target",
        ),
    },
)

def _scenes_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".c")
    ctx.actions.run(
        outputs = [out],
        inputs = [ctx.file.corpus],
        executable = ctx.executable._scenes,
        arguments = [out.path, ctx.file.corpus.path],
        mnemonic = "FuzzScenes",
    )
    return [DefaultInfo(files = depset([out]))]

fuzz_scenes = rule(
    doc = "NAME.c: the scenes of a fuzz_corpus, for fuzz/world/scene.h.",
    implementation = _scenes_impl,
    attrs = {
        "corpus": attr.label(allow_single_file = True),
        # As that of fuzz_corpus.
        "_scenes": attr.label(
            default = "//fuzz/engine:scenes",
            executable = True,
            cfg = "target",
        ),
    },
)

def _dict_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".dict")
    ctx.actions.run_shell(
        outputs = [out],
        inputs = ctx.files.srcs,
        # One with no words is a dictionary too.
        command = "cat /dev/null %s > %s" % (
            " ".join([src.path for src in ctx.files.srcs]),
            out.path,
        ),
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles(files = [out]))]

_fuzz_dict = rule(
    implementation = _dict_impl,
    attrs = {"srcs": attr.label_list(allow_files = [".dict"])},
)

def _run_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, """#!/bin/sh
# Runs the fuzzer under its engine; arguments are heddle-fuzz's.
files=$0.runfiles
[ -d "$files" ] || files=$RUNFILES_DIR # of the program that runs this one
files=$files/%s
exec "$files/%s" --target %s --engine %s --build %s --program "$files/%s" \\
    --seeds "$files/%s" --dict "$files/%s" %s"$@"
""" % (
        ctx.workspace_name,
        ctx.executable._launcher.short_path,
        ctx.attr.target,
        ctx.var.get("engine", "replay"),
        ctx.var.get("build", "plain"),
        ctx.executable.program.short_path,
        ctx.file.corpus.short_path,
        ctx.file.dictionary.short_path,
        '--mutator "$files/%s" ' % ctx.file.mutator.short_path if ctx.file.mutator else "",
    ), is_executable = True)
    files = ctx.files.mutator + [
        ctx.executable._launcher,
        ctx.executable.program,
        ctx.file.corpus,
        ctx.file.dictionary,
    ]
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(files = files))]

_fuzz_run = rule(
    implementation = _run_impl,
    attrs = {
        "target": attr.string(),
        "program": attr.label(executable = True, cfg = "target"),
        "corpus": attr.label(allow_single_file = True),
        "dictionary": attr.label(allow_single_file = True),
        "mutator": attr.label(allow_single_file = True),
        "_launcher": attr.label(
            default = "//fuzz/drive:heddle-fuzz",
            executable = True,
            cfg = "target",
        ),
    },
    executable = True,
)

def _oss_fuzz_impl(ctx):
    stem = ctx.attr.stem
    out = ctx.actions.declare_file(ctx.label.name + ".tar")
    ctx.actions.run_shell(
        outputs = [out],
        inputs = [ctx.executable.program, ctx.file.corpus, ctx.file.dictionary, ctx.file.options],
        # What ClusterFuzz looks for beside a fuzzer. The times are fixed, or no two builds are alike.
        command = """set -e
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cp {program} "$stage/{stem}"
cp {dictionary} "$stage/{stem}.dict"
cp {options} "$stage/{stem}.options"
(cd {corpus} && zip -q -X -r "$stage/{stem}_seed_corpus.zip" .)
chmod -R u+w "$stage"
names=$(ls "$stage")
tar --mtime=@0 --owner=0 --group=0 -C "$stage" -cf {out} $names
""".format(
            program = ctx.executable.program.path,
            stem = stem,
            dictionary = ctx.file.dictionary.path,
            options = ctx.file.options.path,
            corpus = ctx.file.corpus.path,
            out = out.path,
        ),
    )
    return [DefaultInfo(files = depset([out]))]

_fuzz_oss_fuzz = rule(
    implementation = _oss_fuzz_impl,
    attrs = {
        "stem": attr.string(),
        "program": attr.label(executable = True, cfg = "target"),
        "corpus": attr.label(allow_single_file = True),
        "dictionary": attr.label(allow_single_file = True),
        "options": attr.label(allow_single_file = True),
    },
)

def cc_fuzz_test(
        name,
        srcs,
        deps = [],
        corpus = [],
        corpus_is_text = False,
        dicts = [],
        mutator = None,
        linkopts = [],
        size = "small",
        tags = [],
        options = "//fuzz:default.options"):
    """A fuzz target: `name` ends with _fuzz_test; one of `srcs` defines LLVMFuzzerTestOneInput.

    name            the test: runs the target over its corpus, in every build
    name_bin        the fuzzer, for the engine of --config=libfuzzer or afl (without: replays files)
    name_run        `bazel run` it: fuzzes; see fuzz/drive/heddle_fuzz.c for its arguments
    name_steady     a manual test with --config=afl: coverage of an input depends on it alone
    name_corpus     a folder of all inputs of `corpus`
    name_dict       all dictionaries in one
    name_oss_fuzz   what OSS-Fuzz unpacks into $OUT

    `mutator` is a library for AFL++; libFuzzer's is linked in, among `deps`.
    """
    if not name.endswith("_fuzz_test"):
        fail("%s: a fuzz target's name ends with _fuzz_test" % name)
    raw = name + "_raw_"
    native.cc_library(
        name = raw,
        testonly = True,
        srcs = srcs,
        copts = WARNINGS + ["-Wno-missing-prototypes"],
        tags = tags,
        deps = deps,
        alwayslink = True,
    )
    tidy_test(raw, srcs, [], deps, [])
    fuzz_corpus(
        name = name + "_corpus",
        testonly = True,
        srcs = corpus,
        is_text = corpus_is_text,
        visibility = ["//visibility:public"],
    )
    _fuzz_dict(
        name = name + "_dict",
        testonly = True,
        srcs = dicts,
    )
    native.cc_binary(
        name = name + "_bin",
        testonly = True,
        linkopts = linkopts,
        tags = tags + ["manual"],
        visibility = ["//visibility:public"],
        deps = [raw, "//fuzz/engine"] + RUNTIME,
    )
    native.cc_test(
        name = name,
        size = size,
        args = ["$(rootpath :%s_corpus)" % name],
        data = [name + "_corpus"],
        linkopts = linkopts,
        tags = tags + ["fuzz-test"],
        deps = [raw, "//fuzz/engine:replay"] + RUNTIME,
    )
    native.cc_test(
        name = name + "_steady",
        size = "large",
        args = [
            "--mutants=20",
            "$(rootpath :%s_corpus)" % name,
        ],
        data = [name + "_corpus"],
        linkopts = linkopts,
        tags = tags + ["manual"],
        deps = [raw, "//fuzz/engine:steady"] + RUNTIME,
    )
    _fuzz_run(
        name = name + "_run",
        testonly = True,
        target = name[:-len("_fuzz_test")],
        program = name + "_bin",
        corpus = name + "_corpus",
        dictionary = name + "_dict",
        mutator = select({
            "//fuzz/engine:is_afl": mutator,
            "//conditions:default": None,
        }),
        tags = tags + ["manual"],
    )
    _fuzz_oss_fuzz(
        name = name + "_oss_fuzz",
        testonly = True,
        stem = name,
        program = name + "_bin",
        corpus = name + "_corpus",
        dictionary = name + "_dict",
        options = options,
        tags = tags + ["manual"],
    )
