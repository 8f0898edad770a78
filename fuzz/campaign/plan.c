/*
 * fuzz/campaign/plan.c - see plan.h.
 */
#include "fuzz/campaign/plan.h"

#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/attr.h"
#include "sim/cli/files.h"
#include "sim/cli/options.h"
#include "sim/cli/plants.h"
#include "sim/sched/strategy.h"

enum { WORD_BYTES = 256 };

/* Where something was said, for what shows only when everything was read. */
struct place {
    const char *line;
    const char *at; /* NULL: it was not said */
    unsigned line_number;
};

struct parser {
    struct campaign_plan *plan;
    const char *name;
    const char *root;
    struct buffer *error;
    const char *line; /* being parsed; ends at '\n' or NUL */
    unsigned line_number;
    bool is_bad;
    uint32_t seen; /* bit set over words */
    struct place fuzz_target, fuzz_engine, explore, strategy;
};

/* A word of a line. */
struct word {
    const char *at;
    char text[WORD_BYTES];
};

struct key {
    const char *name;
    void (*parse)(struct parser *parser, const struct word *word);
    bool is_list;
};

/* ---- messages ---- */

/* The first mistake is told; what follows may be its consequence. */
__attribute__((format(printf, 3, 4))) static void complain(struct parser *parser, const char *at,
                                                           const char *format, ...)
{
    const size_t line_len = strcspn(parser->line, "\n");
    const size_t column = (size_t)(at - parser->line);
    char message[WORD_BYTES + 128];
    va_list args;

    if (parser->is_bad)
        return;
    parser->is_bad = true;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    buffer_printf(parser->error, "%s:%u:%zu: %s\n", parser->name, parser->line_number, column + 1,
                  message);
    buffer_printf(parser->error, "    %.*s\n    ", (int)line_len, parser->line);
    for (size_t i = 0; i < column; i++)
        buffer_append_byte(parser->error, parser->line[i] == '\t' ? '\t' : ' ');
    buffer_append_text(parser->error, "^\n");
}

static void remember(const struct parser *parser, const struct word *word, struct place *place)
{
    if (place->at == NULL)
        *place = (struct place){parser->line, word->at, parser->line_number};
}

static void complain_there(struct parser *parser, const struct place *place, const char *message)
{
    if (parser->is_bad)
        return;
    parser->line = place->line;
    parser->line_number = place->line_number;
    complain(parser, place->at, "%s", message);
}

/* ---- lists ---- */

static void list_add(struct parser *parser, const struct word *word, struct plan_list *list,
                     const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            return;
    if (list->count == PLAN_WORDS_MAX) {
        complain(parser, word->at, "more than %d of them", PLAN_WORDS_MAX);
        return;
    }
    list->items[list->count] = strdup(text);
    if (list->items[list->count] == NULL)
        abort();
    list->count++;
}

static void list_fini(struct plan_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    list->count = 0;
}

static bool is_scenario(const char *path)
{
    const size_t len = strlen(path);
    struct stat info;

    return len > 4 && strcmp(path + len - 4, ".scn") == 0 && stat(path, &info) == 0 &&
           S_ISREG(info.st_mode);
}

/* Adds the scenarios that match, in order of their names; those below the root without it. */
static size_t add_matches(struct parser *parser, const struct word *word, const char *pattern)
{
    const size_t root_len = strlen(parser->root);
    glob_t found;
    size_t count = 0;

    if (glob(pattern, GLOB_ERR, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const char *path = found.gl_pathv[i];
            if (!is_scenario(path))
                continue;
            count++;
            if (strncmp(path, parser->root, root_len) == 0 && path[root_len] == '/')
                path += root_len + 1;
            list_add(parser, word, &parser->plan->targets, path);
        }
    }
    globfree(&found);
    return count;
}

/* Those of fuzz/BUILD, in its order, that match. */
static size_t add_fuzz_targets(struct parser *parser, const struct word *word, const char *pattern)
{
    static const char begin[] = "\n    name = \"";
    static const char end[] = "_fuzz_test\",";
    struct buffer text = {0};
    char path[PATH_MAX];
    size_t count = 0;

    snprintf(path, sizeof(path), "%s/fuzz/BUILD", parser->root);
    if (files_read(path, &text))
        buffer_append_text(&text, "");
    for (char *at = text.len > 0 ? strstr(text.data, begin) : NULL; at != NULL;
         at = strstr(at, begin)) {
        at += strlen(begin);
        char *last = at + strcspn(at, "\n");
        if (last - at <= (ptrdiff_t)strlen(end) ||
            strncmp(last - strlen(end), end, strlen(end)) != 0)
            continue;
        last -= strlen(end);
        char name[WORD_BYTES];
        snprintf(name, sizeof(name), "%.*s", (int)(last - at), at);
        if (fnmatch(pattern, name, 0) != 0)
            continue;
        list_add(parser, word, &parser->plan->fuzz, name);
        count++;
    }
    buffer_fini(&text);
    return count;
}

static void parse_target(struct parser *parser, const struct word *word)
{
    static const char *const forms[] = {"%s/scenarios/%s.scn", "%s/scenarios/%s", "%s/%s"};
    char pattern[PATH_MAX];

    if (strncmp(word->text, "fuzz:", 5) == 0) {
        remember(parser, word, &parser->fuzz_target);
        if (add_fuzz_targets(parser, word, word->text + 5) == 0)
            complain(parser, word->at, "no fuzz target '%s' in %s/fuzz/BUILD", word->text + 5,
                     parser->root);
        return;
    }
    if (word->text[0] == '/') {
        if (add_matches(parser, word, word->text) > 0)
            return;
    } else {
        for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
            snprintf(pattern, sizeof(pattern), forms[i], parser->root, word->text);
            if (add_matches(parser, word, pattern) > 0)
                return;
        }
    }
    complain(parser, word->at, "no scenario '%s'", word->text);
}

static void parse_build(struct parser *parser, const struct word *word)
{
    static const char *const builds[] = {"plain", "asan", "tsan", "explore"};

    for (size_t i = 0; i < ARRAY_LEN(builds); i++) {
        if (strcmp(builds[i], word->text) == 0) {
            list_add(parser, word, &parser->plan->builds, word->text);
            return;
        }
    }
    complain(parser, word->at, "'%s' is none of plain, asan, tsan, explore", word->text);
}

static void parse_engine(struct parser *parser, const struct word *word)
{
    if (strcmp(word->text, "explore") == 0) {
        remember(parser, word, &parser->explore);
    } else if (strcmp(word->text, "libfuzzer") == 0 || strcmp(word->text, "afl") == 0) {
        remember(parser, word, &parser->fuzz_engine);
    } else {
        complain(parser, word->at, "'%s' is none of explore, libfuzzer, afl", word->text);
        return;
    }
    list_add(parser, word, &parser->plan->engines, word->text);
}

static void parse_strategy(struct parser *parser, const struct word *word)
{
    struct strategy_spec spec;

    remember(parser, word, &parser->strategy);
    char error[OPTION_ERROR_BYTES];

    if (strcmp(word->text, "portfolio") != 0 &&
        strategy_parse(word->text, &spec, error, sizeof(error)) != 0)
        complain(parser, word->at, "%s", error);
    else
        list_add(parser, word, &parser->plan->strategies, word->text);
}

static void parse_plant(struct parser *parser, const struct word *word)
{
    const unsigned plant = plants_find(word->text);

    if (plant == PLANT_COUNT)
        complain(parser, word->at, "no planted bug '%s'", word->text);
    else
        list_add(parser, word, &parser->plan->plants, plants_all[plant].id);
}

/* ---- single values ---- */

static void parse_number(struct parser *parser, const struct word *word, uint64_t *out)
{
    if (!options_parse_number(word->text, out))
        complain(parser, word->at, "'%s' is no number", word->text);
}

static void parse_duration(struct parser *parser, const struct word *word, uint64_t *out)
{
    if (!options_parse_duration(word->text, out) || *out == 0)
        complain(parser, word->at, "'%s' is no time such as 500ms, 60s, 5m, 8h", word->text);
}

static void parse_seed(struct parser *parser, const struct word *word)
{
    parser->plan->is_seed_given = strcmp(word->text, "date") != 0;
    if (parser->plan->is_seed_given)
        parse_number(parser, word, &parser->plan->seed);
}

static void parse_time(struct parser *parser, const struct word *word)
{
    parse_duration(parser, word, &parser->plan->time_ns);
}

static void parse_trials(struct parser *parser, const struct word *word)
{
    parse_number(parser, word, &parser->plan->trials);
    if (parser->plan->trials == 0)
        complain(parser, word->at, "at least 1");
}

static void parse_slice(struct parser *parser, const struct word *word)
{
    parse_duration(parser, word, &parser->plan->slice_ns);
}

static void parse_shrink(struct parser *parser, const struct word *word)
{
    parse_duration(parser, word, &parser->plan->shrink_ns);
}

static void parse_choice(struct parser *parser, const struct word *word, const char *no,
                         const char *yes, bool *out)
{
    *out = strcmp(word->text, yes) == 0;
    if (!*out && strcmp(word->text, no) != 0)
        complain(parser, word->at, "'%s' is neither %s nor %s", word->text, no, yes);
}

static void parse_explain(struct parser *parser, const struct word *word)
{
    parse_choice(parser, word, "no", "yes", &parser->plan->has_explain);
}

static void parse_points(struct parser *parser, const struct word *word)
{
    parse_choice(parser, word, "sync", "memory", &parser->plan->has_memory);
}

static const struct key keys[] = {
    {"seed", parse_seed, false},          {"time", parse_time, false},
    {"trials", parse_trials, false},      {"slice", parse_slice, false},
    {"shrink", parse_shrink, false},      {"explain", parse_explain, false},
    {"points", parse_points, false},      {"targets", parse_target, true},
    {"builds", parse_build, true},        {"engines", parse_engine, true},
    {"strategies", parse_strategy, true}, {"plants", parse_plant, true},
};

/* ---- lines ---- */

/* The next word of the line; false when there is none. */
static bool next_word(struct parser *parser, const char **at, struct word *word)
{
    *at += strspn(*at, " \t\r");
    const size_t len = strcspn(*at, " \t\r\n#");
    if (len == 0)
        return false;
    word->at = *at;
    if (len >= sizeof(word->text)) {
        complain(parser, *at, "a word of more than %d bytes", WORD_BYTES - 1);
        return false;
    }
    memcpy(word->text, *at, len);
    word->text[len] = '\0';
    *at += len;
    return true;
}

static const struct key *find_key(struct parser *parser, const struct word *word)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].name, word->text) == 0)
            return &keys[i];
    const char *nearest = options_nearest(word->text, keys, ARRAY_LEN(keys), sizeof(keys[0]));
    if (nearest != NULL)
        complain(parser, word->at, "no word '%s'; did you mean %s?", word->text, nearest);
    else
        complain(parser, word->at, "no word '%s'", word->text);
    return NULL;
}

static void parse_line(struct parser *parser)
{
    const char *at = parser->line;
    struct word word;

    if (!next_word(parser, &at, &word))
        return;
    const struct key *key = find_key(parser, &word);
    if (key == NULL)
        return;
    const uint32_t bit = UINT32_C(1) << (key - keys);
    if (!key->is_list && (parser->seen & bit) != 0)
        complain(parser, word.at, "'%s' was said before", key->name);
    parser->seen |= bit;
    if (!next_word(parser, &at, &word)) {
        complain(parser, at, "'%s' needs a value", key->name);
        return;
    }
    key->parse(parser, &word);
    while (!parser->is_bad && next_word(parser, &at, &word)) {
        if (key->is_list)
            key->parse(parser, &word);
        else
            complain(parser, word.at, "what is '%s'? '%s' takes one value", word.text, key->name);
    }
}

static void add_default(struct plan_list *list, const char *text)
{
    if (list->count > 0)
        return;
    list->items[0] = strdup(text);
    if (list->items[0] == NULL)
        abort();
    list->count = 1;
}

/* What is of use only with something else, which the plan does not have. */
static void check_pairs(struct parser *parser)
{
    const struct campaign_plan *plan = parser->plan;
    const bool has_explore = plan->engines.count == 0 || parser->explore.at != NULL;

    if (parser->fuzz_target.at != NULL && parser->fuzz_engine.at == NULL)
        complain_there(parser, &parser->fuzz_target,
                       "a fuzz target needs an engine: add 'engines libfuzzer', or afl");
    if (parser->fuzz_engine.at != NULL && plan->fuzz.count == 0)
        complain_there(parser, &parser->fuzz_engine,
                       "this engine has nothing to do: no target is fuzz:NAME");
    if (parser->explore.at != NULL && plan->targets.count == 0)
        complain_there(parser, &parser->explore,
                       "explore has nothing to do: no target is a scenario");
    if (plan->targets.count > 0 && !has_explore)
        complain_there(parser, &parser->fuzz_engine,
                       "the scenarios among the targets need an engine too: explore");
    if (parser->strategy.at != NULL && plan->targets.count == 0)
        complain_there(parser, &parser->strategy,
                       "strategies are for scenarios, and none is there");
}

/* What the plan as a whole lacks. */
static void finish(struct parser *parser)
{
    struct campaign_plan *plan = parser->plan;
    const char *lack = NULL;

    if (plan->targets.count + plan->fuzz.count > 0)
        check_pairs(parser);
    if (plan->targets.count + plan->fuzz.count == 0)
        lack = "no targets";
    else if (plan->time_ns == 0 && plan->trials == 0)
        lack = "no end: neither time nor trials";
    if (lack != NULL && !parser->is_bad) {
        parser->is_bad = true;
        buffer_printf(parser->error, "%s:%u:1: the plan has %s\n", parser->name,
                      parser->line_number, lack);
    }
    add_default(&plan->builds, "explore");
    add_default(&plan->engines, "explore");
    add_default(&plan->strategies, "portfolio");
}

bool campaign_plan_parse(struct campaign_plan *plan, const char *name, const char *text,
                         const char *root, struct buffer *error)
{
    struct parser parser = {.plan = plan, .name = name, .root = root, .error = error};

    memset(plan, 0, sizeof(*plan));
    plan->slice_ns = PLAN_SLICE_NS;
    plan->shrink_ns = PLAN_SHRINK_NS;
    plan->has_explain = true;
    buffer_append_text(&plan->text, text);
    for (parser.line = text; *parser.line != '\0' && !parser.is_bad;) {
        parser.line_number++;
        parse_line(&parser);
        parser.line += strcspn(parser.line, "\n");
        parser.line += *parser.line == '\n';
    }
    finish(&parser);
    return !parser.is_bad;
}

bool campaign_plan_has_engine(const struct campaign_plan *plan, const char *engine)
{
    for (size_t i = 0; i < plan->engines.count; i++)
        if (strcmp(plan->engines.items[i], engine) == 0)
            return true;
    return false;
}

void campaign_plan_fini(struct campaign_plan *plan)
{
    list_fini(&plan->fuzz);
    list_fini(&plan->targets);
    list_fini(&plan->builds);
    list_fini(&plan->engines);
    list_fini(&plan->strategies);
    list_fini(&plan->plants);
    buffer_fini(&plan->text);
}
