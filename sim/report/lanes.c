/*
 * sim/report/lanes.c - see lanes.h.
 *
 * A lane is a column with a bar; a step is a mark on its thread's bar with a sentence to the right
 * of it, which may cover the bars it meets. So a page of 80 columns has room for several lanes and
 * for whole sentences, and the eye follows the mark that jumps from bar to bar.
 */
#include "sim/report/lanes.h"

#include <inttypes.h>
#include <string.h>

#include "sim/report/words.h"

enum {
    STEP_COLUMNS = 7,
    TIME_COLUMNS = 9,
    FIRST_LANE = STEP_COLUMNS + 1 + TIME_COLUMNS + 2,
    PITCH_MIN = 5,
    PITCH_MAX = 24,
    SENTENCE_COLUMNS = 40, /* kept free to the right of the last lane's bar */
    FOLD_FUNCTIONS_MAX = 3,
};

static const char mark_step[] = "●";
static const char mark_preempting[] = "▶";
static const char mark_failed[] = "✗";
static const char mark_fold[] = "┊";
static const char bar_running[] = "│";
static const char bar_waiting[] = "┆";

enum lane_state { LANE_ABSENT, LANE_ALIVE, LANE_WAITING };

struct page {
    struct ink *ink;
    const struct story *story;
    const struct plan *plan;
    unsigned pitch;
    enum lane_state lanes[PLAN_LANES_MAX];
    size_t lane_current; /* whose sentence is being written; lane_count for none */
    size_t index_next;   /* steps before it are reflected in `lanes` */
    uint64_t time_shown_ns;
};

size_t lanes_max(unsigned width)
{
    size_t count = 1 + (width - FIRST_LANE - SENTENCE_COLUMNS) / PITCH_MIN;

    return count < PLAN_LANES_MAX ? count : PLAN_LANES_MAX;
}

static unsigned choose_pitch(unsigned width, size_t lane_count)
{
    unsigned pitch = PITCH_MAX;

    if (lane_count > 1)
        pitch = (width - FIRST_LANE - SENTENCE_COLUMNS) / (unsigned)(lane_count - 1);
    return pitch > PITCH_MAX ? PITCH_MAX : pitch < PITCH_MIN ? PITCH_MIN : pitch;
}

static unsigned lane_column(const struct page *page, size_t lane)
{
    return FIRST_LANE + (unsigned)lane * page->pitch;
}

static enum ink_tone lane_tone(size_t lane)
{
    return (enum ink_tone)(INK_LANE_0 + (int)lane);
}

static void print_bar(struct page *page, size_t lane)
{
    if (page->lanes[lane] == LANE_ABSENT)
        return;
    ink_column(page->ink, lane_column(page, lane));
    ink_raw(page->ink, INK_DIM, page->lanes[lane] == LANE_WAITING ? bar_waiting : bar_running);
}

/* The bars to the left of the current lane, and its own, on a continuation line. */
static unsigned print_continuation(struct ink *ink, void *context)
{
    struct page *page = context;

    for (size_t lane = 0; lane < page->plan->lane_count && lane <= page->lane_current; lane++)
        print_bar(page, lane);
    return ink->column;
}

/* Bars to the right of the sentence, as far as they are not covered. */
static void end_row(struct page *page)
{
    for (size_t lane = 0; lane < page->plan->lane_count; lane++)
        if (lane_column(page, lane) > page->ink->column)
            print_bar(page, lane);
    ink_end(page->ink);
}

/* Steps up to and including `index` have happened. */
static void advance(struct page *page, size_t index)
{
    const struct trace *trace = page->story->trace;

    for (; page->index_next <= index && page->index_next < trace_count(trace); page->index_next++) {
        const struct trace_step *step = trace_at(trace, page->index_next);
        const struct plan_note *note = &page->plan->notes[page->index_next];
        const size_t lane = plan_lane(page->plan, step->thread_id);
        const struct plan_end *end = &page->plan->ends[step->thread_id];
        if (lane == page->plan->lane_count)
            continue;
        const bool is_last = end->kind != PLAN_END_NONE && end->last_index == page->index_next;
        const bool is_stuck = end->kind == PLAN_END_WAITS || end->kind == PLAN_END_SPINS ||
                              end->kind == PLAN_END_SLEEPS;
        const bool is_blocked = note->holder_id != TRACE_NOBODY && step->kind != OP_TRY_LOCK;
        if (is_last && end->kind == PLAN_END_DONE)
            page->lanes[lane] = LANE_ABSENT;
        else
            page->lanes[lane] = is_blocked || (is_last && is_stuck) ? LANE_WAITING : LANE_ALIVE;
    }
}

/* Threads that were there before the first step recorded. */
static void find_early_lanes(struct page *page)
{
    const struct trace *trace = page->story->trace;
    bool is_seen[PLAN_LANES_MAX] = {false};

    for (size_t i = 0; i < trace_count(trace); i++) {
        const struct trace_step *step = trace_at(trace, i);
        const size_t lane = plan_lane(page->plan, step->thread_id);
        if (lane == page->plan->lane_count || is_seen[lane])
            continue;
        is_seen[lane] = true;
        page->lanes[lane] = step->kind == OP_START ? LANE_ABSENT : LANE_ALIVE;
    }
}

static void print_header(struct page *page)
{
    struct ink *ink = page->ink;

    ink_begin(ink, 0, 0);
    ink_column(ink, STEP_COLUMNS - 4);
    ink_raw(ink, INK_DIM, "step");
    ink_column(ink, STEP_COLUMNS + 1 + TIME_COLUMNS - 4);
    ink_raw(ink, INK_DIM, "time");
    for (size_t lane = 0; lane < page->plan->lane_count; lane++) {
        const char *name = page->story->trace->threads[page->plan->lanes[lane]].name;
        const size_t room = page->pitch - 1;
        /* Names differ at their ends. */
        if (lane + 1 < page->plan->lane_count && strlen(name) > room)
            name += strlen(name) - room;
        ink_column(ink, lane_column(page, lane));
        ink_raw(ink, lane_tone(lane), name);
    }
    ink_end(ink);
}

/* Step number and time, and the bars up to `lane`. */
static void begin_row(struct page *page, const struct trace_step *step, size_t lane)
{
    struct ink *ink = page->ink;
    char time[32];
    char number[32];

    ink_begin(ink, 0, 0);
    if (step != NULL) {
        snprintf(number, sizeof(number), "%*" PRIu64, STEP_COLUMNS, step->step);
        ink_raw(ink, INK_DIM, number);
    }
    if (step != NULL && step->time_ns != page->time_shown_ns) {
        char padded[48];
        words_time(step->time_ns, time, sizeof(time));
        snprintf(padded, sizeof(padded), " %*s", TIME_COLUMNS, time);
        ink_raw(ink, INK_DIM, padded);
        page->time_shown_ns = step->time_ns;
    }
    page->lane_current = lane;
    for (size_t i = 0; i < lane; i++)
        print_bar(page, i);
    const bool has_lane = lane < page->plan->lane_count;
    ink->indent = has_lane ? lane_column(page, lane) + 4 : FIRST_LANE;
    ink->continued = print_continuation;
    ink->continued_context = page;
    if (has_lane)
        ink_column(ink, lane_column(page, lane));
}

static bool op_reads(enum op_kind kind)
{
    return kind == OP_LOAD || kind == OP_CAS || kind == OP_RMW;
}

static void print_what(struct page *page, const struct trace_step *step,
                       const struct plan_note *note)
{
    const struct trace *trace = page->story->trace;
    const struct plan_end *end = &page->plan->ends[step->thread_id];
    const bool is_spinning = note->repeats >= PLAN_SPINS_MIN && end->kind == PLAN_END_SPINS &&
                             end->object_id == step->object_id && op_reads(step->kind);
    struct ink *ink = page->ink;
    char words[WORDS_BYTES];

    if (note->holder_id == TRACE_NOBODY) {
        words_object(trace, step, words, sizeof(words));
        if (is_spinning)
            ink_wordsf(ink, INK_BAD, "spins on %s,", words);
        else
            words_step(trace, step, words, sizeof(words));
        if (!is_spinning)
            ink_wordsf(ink, INK_PLAIN, "%s%s", words, note->repeats >= PLAN_SPINS_MIN ? "," : "");
    } else {
        words_object(trace, step, words, sizeof(words));
        ink_wordsf(ink, INK_BAD, "%s %s, held by %s",
                   step->kind == OP_TRY_LOCK ? "fails to lock" : "waits for", words,
                   words_thread(trace, note->holder_id));
    }
    if (note->repeats >= PLAN_SPINS_MIN)
        ink_wordsf(ink, INK_PLAIN, "%" PRIu32 " times", note->repeats);
}

static void print_location(struct page *page, const struct symbol *symbol)
{
    char place[SYMBOL_FILE_BYTES + 16];

    if (symbol->line == 0)
        return;
    snprintf(place, sizeof(place), "%s:%" PRIu32, symbols_basename(symbol->file), symbol->line);
    ink_aside(page->ink, INK_DIM, place);
}

static void print_step(struct page *page, size_t index)
{
    const struct trace_step *step = trace_at(page->story->trace, index);
    const struct plan_note *note = &page->plan->notes[index];
    const size_t lane = plan_lane(page->plan, step->thread_id);
    const struct symbol *symbol = step->pc == NULL ? NULL : page->story->lookup(step->pc);

    advance(page, index == 0 ? 0 : index - 1);
    begin_row(page, step, lane);
    advance(page, index);
    ink_raw(page->ink, lane_tone(lane), step->was_preempting ? mark_preempting : mark_step);
    if (symbol != NULL && symbol->function[0] != '?')
        ink_words(page->ink, INK_STRONG, symbol->function);
    print_what(page, step, note);
    if (symbol != NULL)
        print_location(page, symbol);
    end_row(page);
}

/* "in h1_parse, h1_end": the functions of the folded steps, at most three. */
static void print_fold_functions(struct page *page, const struct plan_row *row)
{
    const char *functions[FOLD_FUNCTIONS_MAX];
    size_t count = 0;
    bool is_more = false;

    for (size_t i = row->index; i < row->end; i++) {
        const struct trace_step *step = trace_at(page->story->trace, i);
        if (page->plan->notes[i].is_absorbed || step->pc == NULL)
            continue;
        const char *function = page->story->lookup(step->pc)->function;
        size_t known = 0;
        while (known < count && strcmp(functions[known], function) != 0)
            known++;
        if (known < count || function[0] == '?')
            continue;
        if (count == FOLD_FUNCTIONS_MAX)
            is_more = true;
        else
            functions[count++] = function;
    }
    for (size_t i = 0; i < count; i++)
        ink_wordsf(page->ink, INK_DIM, "%s%s%s", i == 0 ? "in " : "", functions[i],
                   i + 1 < count ? ","
                   : is_more     ? ", …"
                                 : "");
}

static void print_fold_threads(struct page *page, const struct plan_row *row)
{
    const struct trace *trace = page->story->trace;
    bool is_named[VTHREADS_MAX] = {false};
    unsigned count = 0;

    for (size_t i = row->index; i < row->end; i++) {
        uint32_t id = trace_at(trace, i)->thread_id;
        if (page->plan->notes[i].is_absorbed || is_named[id])
            continue;
        is_named[id] = true;
        if (++count <= PLAN_LANES_MAX)
            ink_wordsf(page->ink, INK_DIM, "%s%s", count == 1 ? "of " : "and ",
                       trace->threads[id].name);
    }
    if (count > PLAN_LANES_MAX)
        ink_words(page->ink, INK_DIM, "and others");
}

static void print_fold(struct page *page, const struct plan_row *row)
{
    const size_t lane_count = page->plan->lane_count;
    const size_t lane = row->thread_id == TRACE_NOBODY ? 0 : plan_lane(page->plan, row->thread_id);

    advance(page, row->end - 1);
    begin_row(page, NULL, lane < lane_count ? lane : 0);
    ink_column(page->ink, lane_column(page, page->lane_current));
    ink_raw(page->ink, INK_DIM, mark_fold);
    ink_wordsf(page->ink, INK_DIM, "… %zu step%s", row->count, row->count == 1 ? "" : "s");
    if (row->thread_id == TRACE_NOBODY || lane == lane_count)
        print_fold_threads(page, row);
    else
        print_fold_functions(page, row);
    end_row(page);
}

/* The place of the failure itself, which need not be a step. */
static void print_failure(struct page *page)
{
    const struct finding *finding = &page->story->result->finding;
    const size_t lane = plan_lane(page->plan, finding->thread_id);

    if (finding->kind == FINDING_NONE || lane == page->plan->lane_count)
        return;
    begin_row(page, NULL, lane);
    ink_raw(page->ink, INK_BAD, mark_failed);
    if (finding->pc != NULL) {
        const struct symbol *symbol = page->story->lookup(finding->pc);
        ink_words(page->ink, INK_STRONG, symbol->function);
        ink_words(page->ink, INK_BAD, finding_kind_word(finding->kind));
        print_location(page, symbol);
    } else {
        ink_words(page->ink, INK_BAD, finding_kind_word(finding->kind));
    }
    end_row(page);
}

void lanes_print(struct ink *ink, const struct story *story, const struct plan *plan)
{
    struct page page = {.ink = ink,
                        .story = story,
                        .plan = plan,
                        .pitch = choose_pitch(story->style.width, plan->lane_count),
                        .time_shown_ns = UINT64_MAX};

    if (plan->row_count == 0)
        return;
    find_early_lanes(&page);
    print_header(&page);
    uint64_t hidden = story->trace->recorded - trace_count(story->trace) + plan->steps_before;
    if (plan->steps_before > 0)
        advance(&page, plan->steps_before - 1);
    if (hidden > 0) {
        page.lane_current = plan->lane_count;
        ink_begin(ink, 0, 0);
        ink_column(ink, FIRST_LANE);
        ink_raw(ink, INK_DIM, mark_fold);
        ink_wordsf(ink, INK_DIM, "… %" PRIu64 " step%s before", hidden, hidden == 1 ? "" : "s");
        end_row(&page);
    }
    for (size_t i = 0; i < plan->row_count; i++) {
        if (plan->rows[i].kind == PLAN_ROW_STEP)
            print_step(&page, plan->rows[i].index);
        else
            print_fold(&page, &plan->rows[i]);
    }
    print_failure(&page);
    ink->continued = NULL;
    ink_begin(ink, FIRST_LANE, FIRST_LANE);
    ink_raw(ink, INK_DIM, "● goes on   ▶ interrupts the one before   ┆ waits");
    ink_end(ink);
}
