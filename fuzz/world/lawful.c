/*
 * fuzz/world/lawful.c - see lawful.h.
 */
#include "fuzz/world/lawful.h"

#include <errno.h>
#include <string.h>

#include "sim/choice/choice.h"
#include "sim/input/scenario.h"

/* From the manual pages, of calls that the core makes on what it makes them on. */
static const struct lawful_fault faults[] = {
    {"alloc", 0},
    {"accept4", EAGAIN},
    {"accept4", EINTR},
    {"accept4", EMFILE},
    {"accept4", ENFILE},
    {"accept4", ENOMEM},
    {"accept4", ENOBUFS},
    {"accept4", ECONNABORTED},
    {"recv", EAGAIN},
    {"recv", EINTR},
    {"recv", ECONNRESET},
    {"recv", ETIMEDOUT},
    {"recv", EHOSTUNREACH},
    {"send", EAGAIN},
    {"send", EINTR},
    {"send", ECONNRESET},
    {"send", EPIPE},
    {"send", ENOBUFS},
    {"send", ENOMEM},
    {"sendmsg", EAGAIN},
    {"sendmsg", EINTR},
    {"sendmsg", ECONNRESET},
    {"sendmsg", EPIPE},
    {"sendmsg", ENOBUFS},
    {"sendmsg", ENOMEM},
    {"connect", ECONNREFUSED},
    {"connect", ENETUNREACH},
    {"connect", EHOSTUNREACH},
    {"connect", EADDRNOTAVAIL},
    {"connect", ETIMEDOUT},
    {"socket", EMFILE},
    {"socket", ENFILE},
    {"socket", ENOBUFS},
    {"socket", ENOMEM},
    {"epoll_ctl", ENOMEM},
    {"epoll_ctl", ENOSPC},
    {"epoll_wait", EINTR},
};

enum { FAULT_COUNT = sizeof(faults) / sizeof(faults[0]) };

const struct lawful_fault *lawful_faults(size_t *count)
{
    *count = FAULT_COUNT;
    return faults;
}

static bool is_call(const char *call, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(call, name, len) == 0;
}

bool lawful_is_short(const char *call, size_t len)
{
    return is_call(call, len, "recv") || is_call(call, len, "send") ||
           is_call(call, len, "sendmsg");
}

static bool is_lawful_fault(const struct scenario_event *event)
{
    const struct bytes *call = &SCENARIO_ARG(event, FAULT, SITE)->text;
    const char *name = (const char *)call->data;
    const struct scenario_value *error = SCENARIO_ARG(event, FAULT, ERRNO);
    const int wanted = error->is_present ? error->word : 0;

    if (SCENARIO_ARG(event, FAULT, BYTES)->is_present)
        return lawful_is_short(name, call->len);
    for (size_t i = 0; i < FAULT_COUNT; i++)
        if (faults[i].error == wanted && is_call(name, call->len, faults[i].call))
            return true;
    return false;
}

/* What nodes of a scenario put up with. */
enum patience { PATIENCE_NONE, PATIENCE_ALLOC, PATIENCE_ALL };

static bool has_lawful_faults(const struct scenario_script *script, enum patience patience)
{
    for (size_t i = 0; i < script->count; i++) {
        const struct scenario_event *event = &script->events[i];
        if (event->form != FORM_FAULT)
            continue;
        const struct bytes *call = &SCENARIO_ARG(event, FAULT, SITE)->text;
        const bool is_alloc = is_call((const char *)call->data, call->len, "alloc");
        if (patience < (is_alloc ? PATIENCE_ALLOC : PATIENCE_ALL) || !is_lawful_fault(event))
            return false;
    }
    return true;
}

static bool is_word(const struct scenario_value *words, size_t at, const char *text)
{
    const struct bytes *word = &words->words[at].text;

    return at < words->word_count && is_call((const char *)word->data, word->len, text);
}

/* Only one of them knows what to do when a call fails. */
static bool is_exercise(const struct scenario *scenario, const struct scenario_actor *actor,
                        bool *is_hardened)
{
    for (size_t i = 0; actor->kind == ACTOR_NODE && i < actor->directive_count; i++) {
        const struct scenario_line *line = &scenario->lines[actor->directive_lines[i]];
        const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);
        if (is_word(words, 0, "exercise")) {
            *is_hardened = is_word(words, 1, "idle-steal");
            return true;
        }
    }
    return false;
}

/* Of all nodes; false when somebody stops an exercise. */
static bool find_patience(const struct scenario *scenario, enum patience *patience)
{
    *patience = PATIENCE_ALL;
    for (size_t i = 0; i < scenario->actor_count; i++) {
        const struct scenario_actor *actor = &scenario->actors[i];
        bool is_hardened = false;
        if (!is_exercise(scenario, actor, &is_hardened))
            continue;
        const enum patience own = is_hardened ? PATIENCE_ALLOC : PATIENCE_NONE;
        *patience = own < *patience ? own : *patience;
        if (actor->script.count != 0)
            return false;
    }
    return true;
}

bool lawful_scenario(const struct scenario *scenario)
{
    enum patience patience;

    if (!find_patience(scenario, &patience))
        return false;
    /* Memory runs out by a draw, too. */
    for (size_t i = 0; patience == PATIENCE_NONE && i < scenario->deviation_count; i++)
        if (scenario->deviations[i].class == CHOICE_ALLOC)
            return false;
    return has_lawful_faults(&scenario->setup, patience) &&
           has_lawful_faults(&scenario->world, patience);
}
