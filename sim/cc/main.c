/*
 * sim/cc/main.c - heddle-cc and heddle-c++: a compiler for programs that Heddle explores.
 *
 * It becomes the real compiler, with words added (command.c). Called as anything that ends with
 * "c++" it compiles C++. It has nothing of the simulator in it, so that it starts at once:
 * `configure` calls a compiler thousands of times.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cc/apart.h"
#include "sim/cc/arguments.h"
#include "sim/cc/command.h"
#include "sim/cc/toolchain.h"
#include "sim/cc/warn.h"

static const char *name = "heddle cc";

/* Fails as compilers do. */
static int fail(const char *text)
{
    (void)fprintf(stderr, "%s: error: %s\n", name, text);
    return 1;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text);
    const size_t end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static int become(const struct words *command)
{
    (void)execv(command->items[0], (char *const *)(const void *)command->items);
    (void)fprintf(stderr, "%s: error: %s: %s\n", name, command->items[0], strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    const bool is_cxx = argc > 0 && ends_with(argv[0], "c++");
    const char *const *items = (const char *const *)(const void *)(argv + 1);
    struct cc_arguments arguments;
    struct toolchain toolchain;
    struct words wraps = {0};
    struct words command = {0};

    if (is_cxx)
        name = "heddle c++";
    cc_arguments_parse(&arguments, items, argc > 1 ? (size_t)argc - 1 : 0);
    toolchain_find(&toolchain, is_cxx);
    if (toolchain.error[0] != '\0')
        return fail(toolchain.error);
    if (arguments.error[0] != '\0')
        return fail(arguments.error);

    struct command_parts parts = {
        .arguments = &arguments,
        .toolchain = &toolchain,
        .is_cxx = is_cxx,
        .items = items,
        .item_count = argc > 1 ? (size_t)argc - 1 : 0,
        .wraps = &wraps,
    };
    if (arguments.action == CC_LINK || arguments.action == CC_SHARE) {
        if (toolchain.runtime == NULL || !command_read_wraps(toolchain.runtime, &wraps))
            return fail(
                "its runtime, runtime.o and runtime.flags, is missing; see `heddle install`");
        parts.linker = toolchain_linker(&toolchain);
    }
    if (!arguments.is_silent && arguments.action != CC_QUERY && arguments.action != CC_PREPROCESS)
        warn_of_assembly(name, &arguments, &toolchain);
    if (toolchain.family == CC_GCC && (arguments.action == CC_LINK || arguments.action == CC_SHARE))
        return apart_link(&parts);
    command_build(&parts, &command);
    return become(&command);
}
