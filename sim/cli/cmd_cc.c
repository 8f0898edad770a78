/*
 * sim/cli/cmd_cc.c - heddle cc and heddle c++: becomes the compiler's wrapper (sim/cc).
 *
 * That is a program of its own, since `configure` starts it thousands of times. It lies beside this
 * one when both are installed, and in its own folder as Bazel builds it.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/cli.h"

static bool find_wrapper(char *out, size_t out_bytes)
{
    static const char *const places[] = {"heddle-cc", "../cc/heddle-cc"};
    char self[PATH_MAX];
    const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    self[len < 0 ? 0 : len] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (snprintf(out, out_bytes, "%s/%s", self, places[i]) < (int)out_bytes &&
            access(out, X_OK) == 0)
            return true;
    return false;
}

static int run(const struct command *command, int argc, char *const *argv)
{
    char path[PATH_MAX + 32];
    char name[16];
    char **words = calloc((size_t)argc + 2, sizeof(*words));

    if (words == NULL)
        return CLI_CANNOT;
    if (!find_wrapper(path, sizeof(path))) {
        cli_say("heddle-cc is not beside this program; ./heddle install puts it there");
        free(words);
        return CLI_CANNOT;
    }
    snprintf(name, sizeof(name), "heddle-%s", command->name);
    words[0] = name;
    memcpy(words + 1, argv, (size_t)argc * sizeof(*words));
    (void)execv(path, words);
    cli_say("%s: %s", path, strerror(errno));
    free(words);
    return CLI_CANNOT;
}

static const char more[] =
    "Takes the options of clang and gcc, for any build system: CC=\"heddle cc\" ./configure, or\n"
    "heddle-cc and heddle-c++ where one word is wanted. The program runs as always by itself, and\n"
    "under Heddle by `heddle explore ./PROGRAM -- ARGUMENT...`.\n"
    "HEDDLE_CC and HEDDLE_CXX name the real compiler: clang 14 to 19, or gcc.\n";

const struct command cmd_cc = {
    .name = "cc",
    .operands = "ARGUMENT...",
    .summary = "compile a C program of your own for explore",
    .more = more,
    .has_own_options = true,
    .run = run,
};

const struct command cmd_cxx = {
    .name = "c++",
    .operands = "ARGUMENT...",
    .summary = "the same for C++",
    .more = more,
    .has_own_options = true,
    .run = run,
};
