/*
 * sim/cc/apart.c - see apart.h.
 */
#include "sim/cc/apart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cc/process.h"

struct apart {
    const struct command_parts *parts;
    const char **objects; /* by input; NULL: the input itself goes to the linker */
};

static const struct cc_input *input_at(const struct cc_arguments *arguments, size_t at,
                                       size_t *index)
{
    for (size_t i = 0; i < arguments->input_count; i++) {
        if (arguments->inputs[i].at == at) {
            *index = i;
            return &arguments->inputs[i];
        }
    }
    return NULL;
}

static bool is_output(const char *word)
{
    return words_has_prefix(word, "-o") || strcmp(word, "--output") == 0;
}

static int run(const struct command_parts *parts, const struct words *words)
{
    struct cc_arguments arguments;
    struct command_parts own = *parts;
    struct words command = {0};

    cc_arguments_parse(&arguments, words->items, words->count);
    own.arguments = &arguments;
    own.items = words->items;
    own.item_count = words->count;
    command_build(&own, &command);
    return process_run(&command);
}

/* Every word but those about other inputs and about the output. */
static int compile(const struct apart *apart, size_t wanted, const char *object)
{
    const struct cc_arguments *arguments = apart->parts->arguments;
    struct words words = {0};
    size_t index = 0;

    for (size_t i = 0; i < arguments->words.count; i++) {
        const char *word = arguments->words.items[i];
        const bool is_pair = cc_takes_next_word(word) && i + 1 < arguments->words.count;
        const bool is_other = input_at(arguments, i, &index) != NULL && index != wanted;
        if (!is_other && !is_output(word)) {
            words_add(&words, word);
            if (is_pair)
                words_add(&words, arguments->words.items[i + 1]);
        }
        i += is_pair;
    }
    words_add(&words, "-c");
    words_add(&words, "-o");
    words_add(&words, object);
    return run(apart->parts, &words);
}

/* -fsanitize=thread,undefined without the first. NULL: nothing is left. */
static const char *without_thread(const char *word)
{
    static const char option[] = "-fsanitize=";
    char *left = words_format("%s", option);

    if (!words_has_prefix(word, option))
        return word;
    for (const char *name = word + strlen(option); *name != '\0';) {
        const size_t len = strcspn(name, ",");
        if (len != strlen("thread") || memcmp(name, "thread", len) != 0)
            left = words_format("%s%s%.*s", left, strcmp(left, option) == 0 ? "" : ",", (int)len,
                                name);
        name += len + (name[len] == ',');
    }
    return strcmp(left, option) == 0 ? NULL : left;
}

static bool is_language(const char *word)
{
    return words_has_prefix(word, "-x") || words_has_prefix(word, "--language");
}

/* Objects in the place of sources; no language, since they are none. */
static int link_objects(const struct apart *apart)
{
    const struct cc_arguments *arguments = apart->parts->arguments;
    struct words words = {0};
    size_t index = 0;

    for (size_t i = 0; i < arguments->words.count; i++) {
        const char *word = without_thread(arguments->words.items[i]);
        if (word == NULL)
            continue;
        const bool is_pair = cc_takes_next_word(word) && i + 1 < arguments->words.count;
        if (input_at(arguments, i, &index) != NULL && apart->objects[index] != NULL)
            words_add(&words, apart->objects[index]);
        else if (!is_language(word))
            words_add(&words, word);
        if (is_pair && !is_language(word))
            words_add(&words, arguments->words.items[i + 1]);
        i += is_pair;
    }
    return run(apart->parts, &words);
}

static const char *new_object(void)
{
    const char *folder = getenv("TMPDIR");
    char *path = words_format("%s/heddle-cc-XXXXXX.o", folder == NULL ? "/tmp" : folder);
    const int fd = mkstemps(path, 2);

    if (fd < 0) {
        perror(path);
        return NULL;
    }
    (void)close(fd);
    return path;
}

int apart_link(const struct command_parts *parts)
{
    const struct cc_arguments *arguments = parts->arguments;
    struct apart apart = {.parts = parts};
    int exit_code = 0;

    apart.objects = calloc(arguments->input_count + 1, sizeof(*apart.objects));
    if (apart.objects == NULL)
        return 1;
    for (size_t i = 0; i < arguments->input_count && exit_code == 0; i++) {
        if (arguments->inputs[i].language == CC_LINKER_INPUT)
            continue;
        apart.objects[i] = new_object();
        exit_code = apart.objects[i] == NULL ? 1 : compile(&apart, i, apart.objects[i]);
    }
    if (exit_code == 0)
        exit_code = link_objects(&apart);
    for (size_t i = 0; i < arguments->input_count; i++)
        if (apart.objects[i] != NULL)
            (void)unlink(apart.objects[i]);
    free(apart.objects);
    return exit_code;
}
