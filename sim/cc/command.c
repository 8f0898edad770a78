/*
 * sim/cc/command.c - see command.h.
 *
 * What is added in front can be taken back by the user's words, what is added behind cannot.
 */
#include "sim/cc/command.h"

#include <string.h>

/* The runtime calls these, and so do shared objects that are instrumented. */
static const char *const exported[] = {"__tsan_*", "__wrap_*", "Annotate*"};

/* Of libstdc++: the runtime goes on to them, but to no avail if they are not there. GNU ld takes
 * them out of an archive only for somebody who needs them by this name. */
static const char *const needed[] = {
    "__cxa_guard_abort",   "__cxa_guard_acquire",    "__cxa_guard_release",
    "__cxa_thread_atexit", "_ZSt15get_new_handlerv", "_ZSt17__throw_bad_allocv",
};

bool command_read_wraps(const char *runtime, struct words *out)
{
    struct words flags = {0};
    size_t len = 0;
    char *text = words_read_file(words_format("%s/runtime.flags", runtime), &len);

    if (text == NULL)
        return false;
    words_add_split(&flags, text, len);
    for (size_t i = 0; i < flags.count; i++)
        if (words_has_prefix(flags.items[i], "-Wl,--wrap="))
            words_add(out, flags.items[i]);
    return true;
}

static bool is_clang(const struct command_parts *parts)
{
    return parts->toolchain->family == CC_CLANG;
}

static bool has_runtime(const struct command_parts *parts)
{
    return parts->arguments->action == CC_LINK && !parts->arguments->is_freestanding;
}

/* Only what says so uses them: a wrapper's words must not break a -Werror. */
static void begin_own(const struct command_parts *parts, struct words *out)
{
    if (is_clang(parts))
        words_add(out, "--start-no-unused-arguments");
}

static void end_own(const struct command_parts *parts, struct words *out)
{
    if (is_clang(parts))
        words_add(out, "--end-no-unused-arguments");
}

static void add_before(const struct command_parts *parts, struct words *out)
{
    const struct cc_arguments *arguments = parts->arguments;

    begin_own(parts, out);
    if (arguments->source_count > 0) {
        words_add(out, "-g");
        if (!(arguments->action == CC_LINK && arguments->is_freestanding))
            words_add(out, "-fsanitize=thread");
        /* A call stack names who called, not who was called last. */
        words_add(out, "-fno-optimize-sibling-calls");
    }
    /* Ours takes the place of clang's. */
    if (is_clang(parts))
        words_add(out, "-fno-sanitize-link-runtime");
    end_own(parts, out);
}

static void add_behind(const struct command_parts *parts, struct words *out)
{
    const struct cc_arguments *arguments = parts->arguments;

    begin_own(parts, out);
    if (arguments->source_count > 0) {
        words_add(out, "-fno-omit-frame-pointer");
        if (arguments->is_without_debug)
            words_add(out, "-g1");
    }
    /* The reports of UBSan's runtime would come from outside of the simulation. */
    if (arguments->checks_undefined)
        words_add(out,
                  is_clang(parts) ? "-fsanitize-trap=all" : "-fsanitize-undefined-trap-on-error");
    end_own(parts, out);
}

static void add_linker(const struct command_parts *parts, struct words *out)
{
    if (parts->linker != NULL && !parts->arguments->has_linker)
        words_add_format(out, "-fuse-ld=%s", parts->linker);
}

static void add_needed(struct words *out)
{
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        words_add_format(out, "-Wl,-u,%s", needed[i]);
}

/* The calls that libstdc++ makes (threads, conditions) are only ours when it is linked in. */
static void add_libstdcxx(const struct command_parts *parts, struct words *out)
{
    if (!parts->is_cxx)
        return;
    words_add(out, "-static-libstdc++");
    if (has_runtime(parts))
        add_needed(out);
}

/* A C compiler that links C++ names the library itself: static and behind the runtime, which has
 * operators new and delete. */
static bool is_moved(const struct command_parts *parts, const char *word)
{
    return has_runtime(parts) && strcmp(word, "-lstdc++") == 0;
}

static void add_moved(const struct command_parts *parts, struct words *out)
{
    for (size_t i = 0; i < parts->item_count; i++) {
        if (is_moved(parts, parts->items[i])) {
            add_needed(out);
            words_add(out, "-l:libstdc++.a");
            words_add(out, "-lm");
            return;
        }
    }
}

static void add_program(const struct command_parts *parts, struct words *out)
{
    const char *runtime = parts->toolchain->runtime;

    begin_own(parts, out);
    if (parts->arguments->has_language) {
        words_add(out, "-x");
        words_add(out, "none");
    }
    add_linker(parts, out);
    add_libstdcxx(parts, out);
    words_add(out, "-Wl,-Bdynamic"); /* whatever the words before it ended with */
    words_add_format(out, "%s/runtime.o", runtime);
    add_moved(parts, out);
    words_add_format(out, "@%s/runtime.flags", runtime);
    for (size_t i = 0; i < sizeof(exported) / sizeof(exported[0]); i++)
        words_add_format(out, "-Wl,--export-dynamic-symbol=%s", exported[i]);
    end_own(parts, out);
}

/* What the compiler's callbacks and the wrapped calls mean is decided by the program. */
static void add_shared(const struct command_parts *parts, struct words *out)
{
    begin_own(parts, out);
    add_linker(parts, out);
    add_libstdcxx(parts, out);
    words_add_all(out, parts->wraps);
    words_add(out, "-Wl,-z,undefs");
    end_own(parts, out);
}

void command_build(const struct command_parts *parts, struct words *out)
{
    const enum cc_action action = parts->arguments->action;

    words_add_all(out, &parts->toolchain->compiler);
    if (action != CC_QUERY)
        add_before(parts, out);
    for (size_t i = 0; i < parts->item_count; i++)
        if (!is_moved(parts, parts->items[i]))
            words_add(out, parts->items[i]);
    if (action != CC_QUERY)
        add_behind(parts, out);
    if (has_runtime(parts))
        add_program(parts, out);
    else if (action == CC_SHARE && !parts->arguments->is_freestanding)
        add_shared(parts, out);
}
