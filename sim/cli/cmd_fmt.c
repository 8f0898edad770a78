/*
 * sim/cli/cmd_fmt.c - heddle fmt: scenarios in canonical text.
 */
#include <stddef.h>
#include <string.h>

#include "sim/cli/cli.h"
#include "sim/cli/files.h"
#include "sim/cli/subject.h"
#include "sim/input/buffer.h"
#include "sim/input/scenario.h"

struct values {
    bool is_write;
};

static const struct option_def options[] = {
    {"write", 'w', OPTION_FLAG, NULL, "write the files back instead of printing them",
     offsetof(struct values, is_write)},
};

/* A file that is canonical already is not touched, so that its time stays. */
static bool write_back(const char *path, const struct buffer *text)
{
    struct buffer old = {0};
    const bool is_read = files_read(path, &old);
    const bool is_same =
        is_read && old.len == text->len && memcmp(old.data, text->data, text->len) == 0;

    buffer_fini(&old);
    return is_same || (is_read && files_write(path, text->data, text->len));
}

static bool format_file(const char *path, bool is_write)
{
    struct scenario *scenario = NULL;
    struct buffer text = {0};

    if (!subject_read(path, false, &scenario))
        return false;
    scenario_print(scenario, &text);
    scenario_free(scenario);
    const bool is_good = is_write && strcmp(path, "-") != 0 ? write_back(path, &text)
                                                            : files_write("-", text.data, text.len);
    buffer_fini(&text);
    return is_good;
}

static int run(const struct command *command, int argc, char *const *argv)
{
    struct values values = {0};
    struct operands files;
    int exit_code = CLI_NOTHING;

    if (!cli_parse(command, argc, argv, &values, &files, 1, OPERANDS_MAX))
        return CLI_USAGE;
    for (size_t i = 0; i < files.count; i++)
        if (!format_file(files.items[i], values.is_write))
            exit_code = CLI_INPUT;
    return exit_code;
}

const struct command cmd_fmt = {
    .name = "fmt",
    .operands = "FILE...",
    .summary = "print scenarios in canonical text, or write them back with -w",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
