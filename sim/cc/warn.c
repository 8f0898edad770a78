/*
 * sim/cc/warn.c - see warn.h.
 */
#include "sim/cc/warn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cc/assembly.h"
#include "sim/cc/headers.h"
#include "sim/cc/process.h"

enum { WARNINGS_MAX = 20 };

struct warning {
    const char *name;
    size_t count;
};

static void warn(void *context, const struct assembly_place *place)
{
    struct warning *warning = context;

    if (warning->count++ >= WARNINGS_MAX)
        return;
    (void)fprintf(stderr,
                  "%s: warning: %.*s:%ld: inline assembly locks memory (%s); Heddle does not see "
                  "it: use C11 or __atomic operations\n",
                  warning->name, (int)place->file_len, place->file == NULL ? "" : place->file,
                  place->line, place->instruction);
}

/* Words that say where something is written, or how far to go. */
static bool is_about_output(const char *word)
{
    static const char *const whole[] = {"-c", "-S", "-MD", "-MMD", "-MP", "-MG", "-MV", "-P"};
    static const char *const starts[] = {
        "-o",     "-MF",         "-MT", "-MQ", "-MJ", "-save-temps", "--serialize-diagnostics",
        "-Wp,-M", "-ftime-trace"};

    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        if (strcmp(word, whole[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (words_has_prefix(word, starts[i]))
            return true;
    return false;
}

static bool is_input(const struct cc_arguments *arguments, size_t at)
{
    for (size_t i = 0; i < arguments->input_count; i++)
        if (arguments->inputs[i].at == at)
            return true;
    return false;
}

static void warn_of_source(struct warning *warning, const struct cc_arguments *arguments,
                           const struct toolchain *toolchain, const struct cc_input *input)
{
    struct words command = {0};
    size_t len = 0;

    words_add_all(&command, &toolchain->compiler);
    words_add(&command, "-fsanitize=thread"); /* a macro may depend on it */
    for (size_t i = 0; i < arguments->words.count; i++) {
        const char *word = arguments->words.items[i];
        const bool is_pair = cc_takes_next_word(word) && i + 1 < arguments->words.count;
        if (!is_about_output(word) && (i == input->at || !is_input(arguments, i))) {
            words_add(&command, word);
            if (is_pair)
                words_add(&command, arguments->words.items[i + 1]);
        }
        i += is_pair;
    }
    words_add(&command, "-E");
    char *text = process_read(&command, &len);
    if (text != NULL)
        assembly_scan(text, len, warn, warning);
    free(text);
}

void warn_of_assembly(const char *name, const struct cc_arguments *arguments,
                      const struct toolchain *toolchain)
{
    struct warning warning = {.name = name};

    for (size_t i = 0; i < arguments->input_count; i++) {
        const struct cc_input *input = &arguments->inputs[i];
        if ((input->language == CC_C || input->language == CC_CXX) &&
            strcmp(input->path, "-") != 0 && headers_may_hold_assembly(arguments, input->path))
            warn_of_source(&warning, arguments, toolchain, input);
    }
    if (warning.count > WARNINGS_MAX)
        (void)fprintf(stderr, "%s: warning: %zu more statements of inline assembly lock memory\n",
                      name, warning.count - WARNINGS_MAX);
}
