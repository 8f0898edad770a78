/*
 * sim/report/reproducer.c - see reproducer.h.
 */
#include "sim/report/reproducer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"
#include "sim/report/symbols.h"
#include "sim/report/words.h"

enum { SITE_BYTES = 64, INTENTION_MAX = 72, CLASS_SHIFT = 24, COUNT_MASK = (1 << CLASS_SHIFT) - 1 };

/* Who makes the choices before any thread has run. */
static const char nobody[] = "start";

/* The thread whose name has this hash, TRACE_NOBODY when it never ran. */
static uint32_t find_thread(const struct trace *trace, uint32_t who)
{
    for (uint32_t id = 0; who != 0 && id < VTHREADS_MAX; id++)
        if (trace->threads[id].is_known && trace->threads[id].who == who)
            return id;
    return TRACE_NOBODY;
}

static const char *who_name(const struct trace *trace, uint32_t who)
{
    uint32_t id = find_thread(trace, who);

    return id == TRACE_NOBODY ? nobody : trace->threads[id].name;
}

static enum choice_class class_of(const struct choice_deviation *deviation)
{
    return (enum choice_class)(deviation->class_count >> CLASS_SHIFT);
}

static uint32_t count_of(const struct choice_deviation *deviation)
{
    return deviation->class_count & COUNT_MASK;
}

void reproducer_site(const struct trace *trace, const struct choice_deviation *deviation, char *out,
                     size_t out_bytes)
{
    const enum choice_class class = class_of(deviation);

    if (class == CHOICE_SCHED)
        snprintf(out, out_bytes, "%s@%" PRIu32, who_name(trace, deviation->who),
                 count_of(deviation));
    else
        snprintf(out, out_bytes, "%s.%s@%" PRIu32, who_name(trace, deviation->who),
                 choice_class_word(class), count_of(deviation));
}

void reproducer_site_recorded(const struct scenario *scenario,
                              const struct choice_deviation *deviation, char *out, size_t out_bytes)
{
    out[0] = '\0';
    for (size_t i = 0; i < scenario->deviation_count; i++) {
        const struct scenario_deviation *one = &scenario->deviations[i];
        const uint32_t who = strcmp(one->who, nobody) == 0 ? 0 : choice_who(one->who);
        if (who != deviation->who || one->class != class_of(deviation) ||
            one->count != count_of(deviation))
            continue;
        if (one->class == CHOICE_SCHED)
            snprintf(out, out_bytes, "%s@%" PRIu32, one->who, one->count);
        else
            snprintf(out, out_bytes, "%s.%s@%" PRIu32, one->who,
                     choice_class_word((enum choice_class)one->class), one->count);
        return;
    }
}

/* What the thread was about to do after step `step`. */
static const struct trace_step *find_interrupted(const struct trace *trace, uint32_t thread_id,
                                                 uint32_t step)
{
    size_t low = 0;
    size_t high = trace_count(trace);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (trace_at(trace, middle)->step <= step)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < trace_count(trace); low++)
        if (trace_at(trace, low)->thread_id == thread_id)
            return trace_at(trace, low);
    return &trace->threads[thread_id].last;
}

/* "before it locks fe.lock, ": what came of a call is not known there yet. Names are the program's
 * own and may hold anything. */
static void print_intention(const struct trace *trace, const struct trace_step *step,
                            struct buffer *out)
{
    struct trace_step bare = *step;
    char words[WORDS_BYTES];

    if (step->kind == OP_NONE || step->kind == OP_LANE)
        return;
    bare.has_value = false;
    words_step(trace, &bare, words, sizeof(words));
    for (unsigned char *at = (unsigned char *)words; *at != '\0'; at++)
        if (*at < ' ' || *at >= 0x7f)
            *at = '?';
    buffer_printf(out, "before it %.*s, in ", INTENTION_MAX, words);
}

static void print_deviation(const struct reproducer *reproducer,
                            const struct choice_deviation *deviation, struct buffer *out)
{
    const struct trace *trace = reproducer->trace;
    const uint32_t thread_id = find_thread(trace, deviation->who);
    const struct trace_step *next = NULL;
    char site[SITE_BYTES];

    reproducer_site(trace, deviation, site, sizeof(site));
    if (class_of(deviation) == CHOICE_SCHED)
        buffer_printf(out, "sched %s -> %s", site, who_name(trace, deviation->value));
    else
        buffer_printf(out, "pick %s = %" PRIu32, site, deviation->value);
    if (thread_id != TRACE_NOBODY)
        next = find_interrupted(trace, thread_id, deviation->step);
    if (next != NULL && next->pc != NULL) {
        const struct symbol *symbol = symbols_lookup(next->pc);
        buffer_append_text(out, "  # ");
        if (class_of(deviation) == CHOICE_SCHED)
            print_intention(trace, next, out);
        buffer_append_text(out, symbol->function);
        if (symbol->line > 0)
            buffer_printf(out, " %s:%" PRIu32, symbol->file, symbol->line);
    }
    buffer_append_byte(out, '\n');
}

static void print_quoted(const char *text, struct buffer *out)
{
    buffer_append_byte(out, '"');
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at < ' ' || *at >= 0x7f)
            buffer_printf(out, "\\x%02x", *at);
        else if (*at == '"' || *at == '\\')
            buffer_printf(out, "\\%c", *at);
        else
            buffer_append_byte(out, *at);
    }
    buffer_append_byte(out, '"');
}

static void print_found(const struct reproducer *reproducer, struct buffer *out)
{
    const struct trial *trial = reproducer->trial;
    char strategy[64];

    if (trial == NULL) {
        buffer_printf(out, "found trace=0x%" PRIx64 " title=", reproducer->result->trace_hash);
        print_quoted(reproducer->result->finding.title, out);
        buffer_append_byte(out, '\n');
        return;
    }
    strategy_print(&trial->strategy, strategy, sizeof(strategy));
    if (trial->number == TRIAL_UNNUMBERED)
        buffer_printf(out, "found seed=0x%" PRIx64, trial->seed);
    else
        buffer_printf(out, "found seed=0x%" PRIx64 " trial=%" PRIu64, trial->campaign_seed,
                      trial->number);
    buffer_printf(out, " strategy=%s trace=0x%" PRIx64 " title=", strategy,
                  reproducer->result->trace_hash);
    print_quoted(reproducer->result->finding.title, out);
    buffer_append_byte(out, '\n');
}

/* The scenario without a schedule of its own, its title as a comment above, plants switched on. */
static void print_scenario(const struct reproducer *reproducer, struct buffer *out)
{
    struct scenario *bare = scenario_without_schedule(reproducer->scenario);
    const char *title = reproducer->result->finding.title;
    const struct bytes *first = bare->line_count > 0 ? &bare->lines[0].comment : NULL;

    /* A reproducer found again has it already. */
    if (first == NULL || first->data == NULL || strcmp((const char *)first->data, title) != 0)
        buffer_printf(out, "# %s\n", title);
    if (reproducer->has_memory_points && !bare->has_memory_points)
        buffer_printf(out, "points memory\n");
    for (size_t i = 0; i < reproducer->plant_count; i++)
        buffer_printf(out, "plant %s\n", reproducer->plants[i]);
    scenario_print(bare, out);
    scenario_free(bare);
    while (out->len >= 2 && out->data[out->len - 1] == '\n' && out->data[out->len - 2] == '\n')
        out->len--;
}

/* Reads the text back: a reproducer that does not parse must never be written. */
static bool make_canonical(struct buffer *text, char *error, size_t error_bytes)
{
    struct diagnostics diag;
    struct scenario *scenario = NULL;

    diagnostics_init(&diag);
    const bool is_good = scenario_parse(text->data, text->len, "reproducer", &scenario, &diag);
    if (is_good) {
        buffer_clear(text);
        scenario_print(scenario, text);
        scenario_free(scenario);
    } else {
        const struct diagnostic *first = &diag.entries[0];
        snprintf(error, error_bytes, "line %" PRIu32 ": %s", first->line, first->message);
    }
    return is_good;
}

bool reproducer_print(const struct reproducer *reproducer, struct buffer *out, char *error,
                      size_t error_bytes)
{
    struct buffer text = {0};

    print_scenario(reproducer, &text);
    buffer_append_byte(&text, '\n');
    print_found(reproducer, &text);
    if (reproducer->deviation_count <= SCENARIO_DEVIATIONS_MAX)
        for (size_t i = 0; i < reproducer->deviation_count; i++)
            print_deviation(reproducer, &reproducer->deviations[i], &text);
    const bool is_good = make_canonical(&text, error, error_bytes);
    if (is_good)
        buffer_append(out, text.data, text.len);
    buffer_fini(&text);
    return is_good;
}

void reproducer_deviations(const struct scenario *scenario, struct choice_deviation *out)
{
    for (size_t i = 0; i < scenario->deviation_count; i++) {
        const struct scenario_deviation *from = &scenario->deviations[i];
        const bool is_sched = from->class == CHOICE_SCHED;
        const uint32_t count = from->count < COUNT_MASK ? from->count : COUNT_MASK;
        out[i] = (struct choice_deviation){
            .who = strcmp(from->who, nobody) == 0 ? 0 : choice_who(from->who),
            .class_count = from->class << CLASS_SHIFT | count,
            .value = is_sched && from->thread != NULL ? choice_who(from->thread) : from->value,
        };
    }
}
