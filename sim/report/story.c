/*
 * sim/report/story.c - see story.h: the order of the parts, and all but the lanes.
 */
#include "sim/report/story.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sim/report/ink.h"
#include "sim/report/lanes.h"
#include "sim/report/plan.h"
#include "sim/report/words.h"

enum { ROWS_WANTED = 26, CALLERS_MAX = 4 }; /* the latter at most TRACE_STACK_MAX */

static unsigned clamp_width(unsigned long width)
{
    if (width < STORY_WIDTH_MIN)
        return STORY_WIDTH_MIN;
    return width > STORY_WIDTH_MAX ? STORY_WIDTH_MAX : (unsigned)width;
}

struct story_style story_style_of(FILE *out)
{
    struct story_style style = {.width = STORY_WIDTH_DEFAULT};
    const char *no_color = getenv("NO_COLOR");
    const char *columns = getenv("COLUMNS");
    const char *term = getenv("TERM");
    struct winsize size;

    if (columns != NULL && columns[0] != '\0') {
        char *end;
        unsigned long width = strtoul(columns, &end, 10);
        if (*end == '\0' && width > 0)
            style.width = clamp_width(width);
    }
    if (!isatty(fileno(out)))
        return style;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        style.width = clamp_width(size.ws_col);
    style.has_color =
        (no_color == NULL || no_color[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
    return style;
}

/* "function  file:line" */
static void print_place(struct ink *ink, const struct story *story, const void *pc)
{
    const struct symbol *symbol = story->lookup(pc);

    ink_words(ink, INK_PLAIN, "in");
    ink_words(ink, INK_STRONG, symbol->function);
    if (symbol->line > 0)
        ink_wordsf(ink, INK_DIM, "%s:%" PRIu32, symbol->file, symbol->line);
}

/* Where the simulator called the thread: nobody's business. */
static bool is_outside(const struct story *story, const void *pc)
{
    static const char *const folders[] = {"sim/posix/", "sim/sched/", "sim/vthread/"};
    const struct symbol *symbol = story->lookup(pc);

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (strncmp(symbol->file, folders[i], strlen(folders[i])) == 0)
            return true;
    return strcmp(symbol->function, "first_frame") == 0;
}

static void print_callers(struct ink *ink, const struct story *story, const struct trace_step *step)
{
    size_t count = 0;

    while (count < CALLERS_MAX && step->stack[count] != NULL &&
           !is_outside(story, step->stack[count]))
        count++;
    if (count == 0)
        return;
    ink_words(ink, INK_DIM, "called by");
    for (size_t i = 0; i < count; i++)
        ink_wordsf(ink, INK_DIM, "%s%s", story->lookup(step->stack[i])->function,
                   i + 1 < count ? "," : "");
}

static const char *end_verb(enum plan_end_kind kind)
{
    switch (kind) {
    case PLAN_END_WAITS:
        return "waits for";
    case PLAN_END_SPINS:
        return "spins on";
    case PLAN_END_NONE:
    case PLAN_END_DONE:
    case PLAN_END_RUNS:
    case PLAN_END_SLEEPS:
        break;
    }
    return "";
}

static void print_held(struct ink *ink, const struct story *story, const struct plan_held *held)
{
    const struct trace_step *step = trace_at(story->trace, held->taken_index);
    char object[WORDS_BYTES];

    words_object(story->trace, step, object, sizeof(object));
    ink_begin(ink, 8, 10);
    ink_wordsf(ink, INK_PLAIN, "%s", held->is_shared ? "shares" : "holds");
    ink_words(ink, INK_STRONG, object);
    ink_wordsf(ink, INK_DIM, "since step %" PRIu64, step->step);
    print_place(ink, story, step->pc);
    ink_end(ink);
}

static void print_end(struct ink *ink, const struct story *story, const struct plan *plan,
                      uint32_t thread_id)
{
    const struct plan_end *end = &plan->ends[thread_id];
    const bool is_stuck = end->kind == PLAN_END_WAITS || end->kind == PLAN_END_SPINS;
    char words[WORDS_BYTES];

    ink_begin(ink, 4, 10);
    ink_words(ink, INK_STRONG, story->trace->threads[thread_id].name);
    if (is_stuck) {
        ink_words(ink, INK_PLAIN, end_verb(end->kind));
        words_object(story->trace, end->at, words, sizeof(words));
        ink_wordsf(ink, INK_STRONG, "%s%s", words, end->holder_id == TRACE_NOBODY ? "" : ",");
        if (end->holder_id != TRACE_NOBODY)
            ink_wordsf(ink, INK_PLAIN, "%s by %s",
                       end->kind == PLAN_END_WAITS ? "held" : "last written",
                       words_thread(story->trace, end->holder_id));
    } else if (end->kind == PLAN_END_SLEEPS) {
        words_step(story->trace, end->at, words, sizeof(words));
        ink_wordsf(ink, INK_PLAIN, "sleeps: %s", words);
    } else {
        ink_words(ink, INK_PLAIN, end->kind == PLAN_END_DONE ? "has ended" : "could go on");
    }
    ink_end(ink);
    if (end->kind != PLAN_END_DONE && end->at->pc != NULL) {
        ink_begin(ink, 8, 10);
        print_place(ink, story, end->at->pc);
        if (end->last_index != SIZE_MAX)
            print_callers(ink, story, trace_at(story->trace, end->last_index));
        ink_end(ink);
    }
    for (uint32_t i = 0; i < end->held_count; i++)
        print_held(ink, story, &end->held[i]);
}

/* True when it said anything. */
static bool print_ends(struct ink *ink, const struct story *story, const struct plan *plan)
{
    const struct finding *finding = &story->result->finding;
    bool is_telling = false;

    for (size_t lane = 0; lane < plan->lane_count; lane++) {
        const struct plan_end *end = &plan->ends[plan->lanes[lane]];
        is_telling = is_telling || end->kind == PLAN_END_WAITS || end->kind == PLAN_END_SPINS ||
                     end->held_count > 0 ||
                     (end->kind == PLAN_END_SLEEPS && finding->thread_id == TRACE_NOBODY);
    }
    if (!is_telling)
        return false;
    ink_end(ink);
    ink_line(ink, 2, INK_STRONG, "at the end");
    for (size_t lane = 0; lane < plan->lane_count; lane++)
        if (plan->ends[plan->lanes[lane]].kind != PLAN_END_NONE)
            print_end(ink, story, plan, plan->lanes[lane]);
    return true;
}

static void print_detail(struct ink *ink, const char *detail)
{
    char line[FINDING_DETAIL_BYTES];

    if (detail[0] == '\0')
        return;
    ink_end(ink);
    ink_line(ink, 2, INK_STRONG, "details");
    for (const char *at = detail; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        snprintf(line, sizeof(line), "%.*s", (int)len, at);
        ink_line(ink, 4, INK_PLAIN, line);
        at += len + (at[len] == '\n');
    }
}

static void print_title(struct ink *ink, const struct finding *finding)
{
    if (finding->kind == FINDING_NONE) {
        ink_line(ink, 0, INK_GOOD, "nothing found in this run");
        return;
    }
    ink_begin(ink, 0, 2);
    ink_words(ink, INK_BAD, finding->title);
    ink_end(ink);
    ink_begin(ink, 2, 2);
    ink_words(ink, INK_DIM, "broken:");
    ink_words(ink, INK_PLAIN, finding_kind_property(finding->kind));
    ink_end(ink);
}

/* "replay    ./heddle replay ...": a label, and what wraps beside it. */
static void begin_label(struct ink *ink, const char *label)
{
    ink_begin(ink, 2, 12);
    ink_raw(ink, INK_DIM, label);
    ink_column(ink, 12);
    ink->is_fresh = true;
}

static void print_origin(struct ink *ink, const struct story *story)
{
    const struct run_result *result = story->result;
    char time[32];

    words_time(result->time_ns, time, sizeof(time));
    ink_end(ink);
    if (story->origin != NULL) {
        begin_label(ink, result->finding.kind == FINDING_NONE ? "ran as" : "found by");
        ink_words(ink, INK_PLAIN, story->origin);
        ink_end(ink);
    }
    begin_label(ink, "after");
    ink_wordsf(ink, INK_PLAIN, "%" PRIu64 " steps, %" PRIu64 " switches, %s of virtual time;",
               result->steps, result->switches, time);
    ink_wordsf(ink, INK_DIM, "trace %016" PRIx64, result->trace_hash);
    ink_end(ink);
    if (story->file != NULL) {
        begin_label(ink, "saved in");
        ink_raw(ink, INK_PLAIN, story->file);
        ink_end(ink);
    }
    if (story->command != NULL) {
        begin_label(ink, "replay");
        ink_raw(ink, INK_STRONG, story->command);
        ink_end(ink);
    }
}

void story_print(FILE *out, const struct story *story)
{
    struct ink ink = {.out = out, .style = story->style};
    struct plan plan;

    plan_init(&plan, story->trace, &story->result->finding, lanes_max(story->style.width),
              ROWS_WANTED);
    print_title(&ink, &story->result->finding);
    ink_end(&ink);
    lanes_print(&ink, story, &plan);
    const bool is_told = print_ends(&ink, story, &plan);
    /* A deadlock's details are its waits: said already, and with callers. */
    if (!is_told || story->result->finding.kind != FINDING_DEADLOCK)
        print_detail(&ink, story->result->finding.detail);
    print_origin(&ink, story);
    plan_fini(&plan);
}
