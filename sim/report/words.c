/*
 * sim/report/words.c - see words.h.
 */
#include "sim/report/words.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void words_time(uint64_t time_ns, char *out, size_t out_bytes)
{
    static const struct {
        uint64_t unit_ns;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        uint64_t unit_ns = units[i].unit_ns;
        if (time_ns < unit_ns)
            continue;
        uint64_t whole = time_ns / unit_ns;
        uint64_t thousandths = time_ns % unit_ns * 1000 / unit_ns;
        if (whole < 10)
            snprintf(out, out_bytes, "%" PRIu64 ".%03" PRIu64 "%s", whole, thousandths,
                     units[i].name);
        else if (whole < 100)
            snprintf(out, out_bytes, "%" PRIu64 ".%02" PRIu64 "%s", whole, thousandths / 10,
                     units[i].name);
        else
            snprintf(out, out_bytes, "%" PRIu64 ".%" PRIu64 "%s", whole, thousandths / 100,
                     units[i].name);
        return;
    }
    snprintf(out, out_bytes, "%" PRIu64 "ns", time_ns);
}

static bool is_memory(enum op_kind kind)
{
    return kind == OP_LOAD || kind == OP_STORE || kind == OP_RMW || kind == OP_CAS ||
           kind == OP_READ_MEM || kind == OP_WRITE_MEM;
}

/* "&fd->state" -> "fd->state": people think of the variable, not of its address. */
static void strip_expression(const char *label, char *out, size_t out_bytes)
{
    size_t len = strlen(label);

    while (len >= 2 && label[0] == '(' && label[len - 1] == ')') {
        label++;
        len -= 2;
    }
    if (len > 0 && label[0] == '&') {
        label++;
        len--;
    }
    snprintf(out, out_bytes, "%.*s", (int)len, label);
}

/* The member at the end of an expression: "running_mask"; "" for a plain variable. */
static const char *last_member(const char *expression)
{
    const char *member = "";

    for (const char *at = expression; *at != '\0'; at++) {
        if (at[0] == '-' && at[1] == '>')
            member = at + 2;
        else if (at[0] == '.')
            member = at + 1;
    }
    return member;
}

/* "fd fd 7" -> "fd 7": names repeat their type at times. */
static const char *without_repeated_word(const char *name)
{
    const size_t len = strcspn(name, " ");

    if (name[len] == ' ' && strncmp(name, name + len + 1, len) == 0 &&
        (name[2 * len + 1] == ' ' || name[2 * len + 1] == '\0'))
        return name + len + 1;
    return name;
}

/* A word inside a named object: "fd 7.running_mask", or "fd 7 (*known)" when the source does not
 * say which member it is. */
static void name_memory(const char *name, const char *expression, char *out, size_t out_bytes)
{
    const char *member = last_member(expression);
    size_t len = strcspn(name, "+");

    while (len > 0 && name[len - 1] == ' ')
        len--;
    const size_t member_len = strlen(member);
    const bool has_member = len > member_len && name[len - member_len - 1] == '.' &&
                            memcmp(name + len - member_len, member, member_len) == 0;
    if (has_member)
        snprintf(out, out_bytes, "%.*s", (int)len, name);
    else if (member[0] != '\0')
        snprintf(out, out_bytes, "%.*s.%s", (int)len, name, member);
    else
        snprintf(out, out_bytes, "%.*s (%s)", (int)len, name, expression);
}

void words_object(const struct trace *trace, const struct trace_step *step, char *out,
                  size_t out_bytes)
{
    const struct trace_object *object = trace_object(trace, step->object_id);
    const char *name = object == NULL ? "" : without_repeated_word(object->name);
    const bool has_expression = is_memory(step->kind) && step->label != NULL;
    char expression[TRACE_LABEL_BYTES] = "";

    out[0] = '\0';
    if (has_expression)
        strip_expression(step->label, expression, sizeof(expression));
    if (name[0] != '\0' && has_expression)
        name_memory(name, expression, out, out_bytes);
    else if (name[0] != '\0' || has_expression)
        snprintf(out, out_bytes, "%s%s", name, expression);
    else if (object != NULL && step->kind != OP_CALL)
        snprintf(out, out_bytes, "object %" PRIu32, step->object_id);
}

/* " -> 7", " -> EAGAIN". */
static void append_value(const struct trace_step *step, char *out, size_t out_bytes)
{
    const size_t len = strlen(out);
    const bool is_error = step->value < 0 && step->value >= -4095;
    const char *name = is_error ? strerrorname_np((int)-step->value) : NULL;

    if (!step->has_value)
        return;
    if (name != NULL)
        snprintf(out + len, out_bytes - len, " -> %s", name);
    else
        snprintf(out + len, out_bytes - len, " -> %" PRId64, step->value);
}

/* Verb, and what stands for an object that is not known; NULL: the verb alone is enough. */
static const struct {
    const char *verb;
    const char *without;
} verbs[] = {
    [OP_NONE] = {"", NULL},
    [OP_START] = {"starts", NULL},
    [OP_EXIT] = {"ends", NULL},
    [OP_CREATE] = {"creates a thread", NULL},
    [OP_JOIN] = {"joins", "a thread"},
    [OP_LOAD] = {"reads", "memory"},
    [OP_STORE] = {"writes", "memory"},
    [OP_RMW] = {"updates", "memory"},
    [OP_CAS] = {"compares and swaps", "memory"},
    [OP_FENCE] = {"fences", NULL},
    [OP_LOCK] = {"locks", "a lock"},
    [OP_LOCK_READ] = {"read-locks", "a lock"},
    [OP_TRY_LOCK] = {"tries to lock", "a lock"},
    [OP_UNLOCK] = {"unlocks", "a lock"},
    [OP_WAIT] = {"waits for", "a signal"},
    [OP_SIGNAL] = {"signals", "whoever waits"},
    [OP_CALL] = {"calls", NULL},
    [OP_YIELD] = {"yields", NULL},
    [OP_SLEEP] = {"sleeps", NULL},
    [OP_CLOCK] = {"reads the clock", NULL},
    [OP_LANE] = {"runs", NULL},
    [OP_READ_MEM] = {"reads", "memory"},
    [OP_WRITE_MEM] = {"writes", "memory"},
};
_Static_assert(sizeof(verbs) / sizeof(verbs[0]) == OP_KIND_COUNT, "a verb for each op");

void words_step(const struct trace *trace, const struct trace_step *step, char *out,
                size_t out_bytes)
{
    char object[WORDS_BYTES];
    const char *label = step->label == NULL ? "" : step->label;

    words_object(trace, step, object, sizeof(object));
    if (step->kind == OP_CALL) {
        snprintf(out, out_bytes, "calls %s%s%s", label, object[0] == '\0' ? "" : " on ", object);
        append_value(step, out, out_bytes);
    } else if (step->kind == OP_LANE)
        snprintf(out, out_bytes, "%s", label[0] == '\0' ? verbs[OP_LANE].verb : label);
    else if (verbs[step->kind].without == NULL)
        snprintf(out, out_bytes, "%s", verbs[step->kind].verb);
    else
        snprintf(out, out_bytes, "%s %s", verbs[step->kind].verb,
                 object[0] == '\0' ? verbs[step->kind].without : object);
}

void words_slug(const char *title, char *out, size_t out_bytes)
{
    size_t len = 0;
    bool is_pending = false;

    for (const unsigned char *at = (const unsigned char *)title; *at != '\0'; at++) {
        if (!isalnum(*at) && *at != '_') {
            is_pending = len > 0;
            continue;
        }
        if (len + 2 >= out_bytes) {
            /* Cut between words, if there is a word to keep. */
            out[len] = '\0';
            const char *dash = strrchr(out, '-');
            len = dash == NULL ? len : (size_t)(dash - out);
            break;
        }
        if (is_pending)
            out[len++] = '-';
        is_pending = false;
        out[len++] = (char)tolower(*at);
    }
    out[len] = '\0';
}

const char *words_thread(const struct trace *trace, uint32_t thread_id)
{
    return thread_id >= VTHREADS_MAX ? "nobody" : trace->threads[thread_id].name;
}
