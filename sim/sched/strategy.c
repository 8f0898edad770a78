/*
 * sim/sched/strategy.c - strategies by name; see strategy.h.
 */
#include "sim/sched/strategy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PCT_DEPTH_DEFAULT = 3,
    PCT_DEPTH_MAX = 16,
    STICKY_PPM_DEFAULT = 50000,
    PPM = 1000000,
    PLAN_MAX = 1000000,
};

static const struct strategy_ops *const all[] = {
    &strategy_dull, &strategy_random, &strategy_sticky, &strategy_pct,    &strategy_pos,
    &strategy_surw, &strategy_rff,    &strategy_period, &strategy_skewed, &strategy_late};

static const struct strategy_ops *find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strlen(all[i]->name) == len && memcmp(all[i]->name, name, len) == 0)
            return all[i];
    }
    return NULL;
}

/* "k=v" of one parameter. */
static int parse_parameter(struct strategy_spec *spec, const char *text, char *error, size_t bytes)
{
    const struct {
        const struct strategy_ops *ops;
        const char *key;
        unsigned long min;
        unsigned long max;
        uint32_t *out;
    } known[] = {
        {&strategy_pct, "d=", 1, PCT_DEPTH_MAX, &spec->depth},
        {&strategy_sticky, "p=", 1, PPM, &spec->switch_ppm},
        {&strategy_period, "n=", 0, PLAN_MAX, &spec->plan},
    };
    char *end;
    size_t i = 0;

    while (i < sizeof(known) / sizeof(known[0]) &&
           (spec->ops != known[i].ops || strncmp(text, known[i].key, 2) != 0))
        i++;
    if (i == sizeof(known) / sizeof(known[0])) {
        (void)snprintf(error, bytes,
                       "strategy %s has no parameter \"%s\" (pct: d=DEPTH; sticky: "
                       "p=CHANCE of a switch in 1/1000000; period: n=NUMBER of the plan)",
                       spec->ops->name, text);
        return -1;
    }
    errno = 0;
    unsigned long value = strtoul(text + 2, &end, 10);
    if (errno != 0 || end == text + 2 || *end != '\0' || value < known[i].min ||
        value > known[i].max) {
        (void)snprintf(error, bytes, "\"%s\": a number from %lu to %lu is wanted", text,
                       known[i].min, known[i].max);
        return -1;
    }
    *known[i].out = (uint32_t)value;
    return 0;
}

int strategy_parse(const char *text, struct strategy_spec *out, char *error, size_t error_bytes)
{
    size_t len = strcspn(text, ",");

    *out = (struct strategy_spec){.ops = find(text, len)};
    if (out->ops == NULL) {
        (void)snprintf(error, error_bytes,
                       "no strategy \"%.*s\" (dull, random, sticky, pct, pos, surw, rff, period, "
                       "skewed, late, or portfolio)",
                       (int)len, text);
        return -1;
    }
    if (out->ops == &strategy_pct)
        out->depth = PCT_DEPTH_DEFAULT;
    if (out->ops == &strategy_sticky)
        out->switch_ppm = STICKY_PPM_DEFAULT;
    if (out->ops == &strategy_period)
        out->plan = STRATEGY_PLAN_NEXT;
    return text[len] == '\0' ? 0 : parse_parameter(out, text + len + 1, error, error_bytes);
}

void strategy_print(const struct strategy_spec *spec, char *out, size_t out_bytes)
{
    if (spec->ops == &strategy_pct)
        (void)snprintf(out, out_bytes, "pct,d=%u", spec->depth);
    else if (spec->ops == &strategy_sticky)
        (void)snprintf(out, out_bytes, "sticky,p=%u", spec->switch_ppm);
    else if (spec->ops == &strategy_period && spec->plan != STRATEGY_PLAN_NEXT)
        (void)snprintf(out, out_bytes, "period,n=%u", spec->plan);
    else
        (void)snprintf(out, out_bytes, "%s", spec->ops->name);
}
