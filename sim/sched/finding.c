/*
 * sim/sched/finding.c - what ends a run with a verdict; see sched.h.
 */
#include <stdarg.h>
#include <stdio.h>

#include "sim/sched/internal.h"

void (*finding_noted)(void);

static const char *const kind_words[] = {
#define X(name, word, property) word,
    FINDING_KINDS(X)
#undef X
};

static const char *const kind_properties[] = {
#define X(name, word, property) property,
    FINDING_KINDS(X)
#undef X
};

const char *finding_kind_word(enum finding_kind kind)
{
    return kind_words[kind];
}

const char *finding_kind_property(enum finding_kind kind)
{
    return kind_properties[kind];
}

static void record(enum finding_kind kind, const void *pc, const char *detail, const char *title,
                   va_list args)
{
    struct finding *finding = &sched.finding;

    if (finding->kind == FINDING_NONE) {
        finding->kind = kind;
        finding->pc = pc;
        finding->step = sched.steps;
        finding->time_ns = sched.now_ns;
        finding->thread_id = sched.current == NULL ? UINT32_MAX : sched.current->id;
        (void)vsnprintf(finding->title, sizeof(finding->title), title, args);
        (void)snprintf(finding->detail, sizeof(finding->detail), "%s", detail);
        if (finding_noted != NULL)
            finding_noted();
    }
    sched.is_ending = true;
}

void finding_record(enum finding_kind kind, const void *pc, const char *title, ...)
{
    va_list args;

    va_start(args, title);
    record(kind, pc, "", title, args);
    va_end(args);
}

void finding_record_detail(enum finding_kind kind, const void *pc, const char *detail,
                           const char *title, ...)
{
    va_list args;

    va_start(args, title);
    record(kind, pc, detail, title, args);
    va_end(args);
}

void finding_fail(enum finding_kind kind, const void *pc, const char *title, ...)
{
    va_list args;

    va_start(args, title);
    record(kind, pc, "", title, args);
    va_end(args);
    sched_leave_run();
}

void finding_fail_detail(enum finding_kind kind, const void *pc, const char *detail,
                         const char *title, ...)
{
    va_list args;

    va_start(args, title);
    record(kind, pc, detail, title, args);
    va_end(args);
    sched_leave_run();
}
