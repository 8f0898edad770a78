/*
 * sim/cli/cmd_encode.c - heddle encode and heddle decode: scenarios as bytes for fuzzers, and back.
 */
#include <stddef.h>

#include "sim/cli/cli.h"
#include "sim/cli/files.h"
#include "sim/cli/subject.h"
#include "sim/input/buffer.h"
#include "sim/input/scenario.h"

struct values {
    const char *out;
};

static const struct option_def options[] = {
    {"out", 'o', OPTION_TEXT, "FILE", "write there instead of to standard output",
     offsetof(struct values, out)},
};

static int run_encode(const struct command *command, int argc, char *const *argv)
{
    struct values values = {0};
    struct operands files;
    struct scenario *scenario = NULL;
    struct buffer bytes = {0};

    if (!cli_parse(command, argc, argv, &values, &files, 1, 1))
        return CLI_USAGE;
    if (!subject_read(files.items[0], false, &scenario))
        return CLI_INPUT;
    scenario_encode(scenario, &bytes);
    const bool is_good = files_write(values.out == NULL ? "-" : values.out, bytes.data, bytes.len);
    buffer_fini(&bytes);
    scenario_free(scenario);
    return is_good ? CLI_NOTHING : CLI_INPUT;
}

static int run_decode(const struct command *command, int argc, char *const *argv)
{
    struct values values = {0};
    struct operands files;
    struct buffer bytes = {0};
    struct buffer text = {0};

    if (!cli_parse(command, argc, argv, &values, &files, 1, 1))
        return CLI_USAGE;
    if (!files_read(files.items[0], &bytes)) {
        buffer_fini(&bytes);
        return CLI_INPUT;
    }
    struct scenario *scenario = scenario_decode((const uint8_t *)bytes.data, bytes.len);
    scenario_print(scenario, &text);
    const bool is_good = files_write(values.out == NULL ? "-" : values.out, text.data, text.len);
    scenario_free(scenario);
    buffer_fini(&bytes);
    buffer_fini(&text);
    return is_good ? CLI_NOTHING : CLI_INPUT;
}

const struct command cmd_encode = {
    .name = "encode",
    .operands = "FILE",
    .summary = "a scenario as canonical bytes",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run_encode,
};

const struct command cmd_decode = {
    .name = "decode",
    .operands = "FILE",
    .summary = "bytes as a scenario; any bytes are one",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run_decode,
};
