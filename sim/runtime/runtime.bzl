"""One relocatable object of the whole simulator, to be linked into programs of the user's."""

load("//sim/race:watched.bzl", "watched_linkopts", "watched_renames")

def _runtime_object_impl(ctx):
    objects = {} # a set: an archive may come by more than one way
    flags = []
    for dep in ctx.attr.deps:
        for linker_input in dep[CcInfo].linking_context.linker_inputs.to_list():
            for library in linker_input.libraries:
                for object in library.pic_objects or library.objects or []:
                    objects[object] = True
            for flag in linker_input.user_link_flags:
                if flag not in flags:
                    flags.append(flag)
    flags += watched_linkopts()

    objects = objects.keys()
    ctx.actions.write(ctx.outputs.flags, "\n".join(flags) + "\n")
    arguments = ctx.actions.args()
    arguments.use_param_file("%s", use_always = True)
    arguments.set_param_file_format("multiline")
    arguments.add_all(objects)
    ctx.actions.run_shell(
        inputs = objects,
        outputs = [ctx.outputs.object],
        arguments = [arguments],
        mnemonic = "RuntimeObject",
        progress_message = "Linking the runtime",
        # The simulator's names must not meet the program's: only what the linker and the compiler
        # call stays global. Its variables get sections of their own, so that a restart of the
        # program leaves them alone. C++ finds operator new and delete (_Zn.., _Zd..) here. What the
        # simulator itself asks of the C library is not what the program asks of it: --redefine-sym.
        command = """
set -eu
out={out}
ld.lld-19 -r @"$1" -o $out.whole
llvm-objcopy-19 --wildcard \
    --keep-global-symbol='__wrap_*' --keep-global-symbol='__tsan_*' \
    --keep-global-symbol='heddle_*' --keep-global-symbol='*Annotate*' \
    --keep-global-symbol='_Zn[wa]*' --keep-global-symbol='_Zd[la]*' \
    --keep-global-symbol='__sanitizer_*' --keep-global-symbol=RunningOnValgrind \
    --keep-global-symbol=ThreadSanitizerQuery {renames} \
    --rename-section .data=heddle_data,alloc,load,data,contents \
    --rename-section .bss=heddle_bss,alloc \
    $out.whole $out
rm -f $out.whole
""".format(out = ctx.outputs.object.path, renames = " ".join(watched_renames())),
    )

runtime_object = rule(
    implementation = _runtime_object_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
    },
    outputs = {
        "object": "%{name}.o",
        "flags": "%{name}.flags",
    },
)
