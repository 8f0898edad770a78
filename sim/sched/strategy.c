/*
 * sim/sched/strategy.c - strategies by name; see strategy.h.
 */
#include "sim/sched/strategy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PCT_DEPTH_DEFAULT = 3, PCT_DEPTH_MAX = 16, STICKY_PPM_DEFAULT = 50000, PPM = 1000000 };

static const struct strategy_ops *const all[] = {&strategy_dull, &strategy_random, &strategy_sticky,
                                                 &strategy_pct, &strategy_pos};

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
    char *end;
    uint32_t max = text[0] == 'd' ? PCT_DEPTH_MAX : PPM;

    bool is_depth = spec->ops == &strategy_pct && strncmp(text, "d=", 2) == 0;
    bool is_ppm = spec->ops == &strategy_sticky && strncmp(text, "p=", 2) == 0;
    if (!is_depth && !is_ppm) {
        (void)snprintf(error, bytes,
                       "strategy %s has no parameter \"%s\" (pct: d=DEPTH; sticky: "
                       "p=CHANCE of a switch in 1/1000000)",
                       spec->ops->name, text);
        return -1;
    }
    errno = 0;
    unsigned long value = strtoul(text + 2, &end, 10);
    if (errno != 0 || end == text + 2 || *end != '\0' || value < 1 || value > max) {
        (void)snprintf(error, bytes, "\"%s\": a number from 1 to %u is wanted", text, max);
        return -1;
    }
    if (is_depth)
        spec->depth = (uint32_t)value;
    else
        spec->switch_ppm = (uint32_t)value;
    return 0;
}

int strategy_parse(const char *text, struct strategy_spec *out, char *error, size_t error_bytes)
{
    size_t len = strcspn(text, ",");

    *out = (struct strategy_spec){.ops = find(text, len)};
    if (out->ops == NULL) {
        (void)snprintf(error, error_bytes,
                       "no strategy \"%.*s\" (dull, random, sticky, pct, pos, or portfolio)",
                       (int)len, text);
        return -1;
    }
    if (out->ops == &strategy_pct)
        out->depth = PCT_DEPTH_DEFAULT;
    if (out->ops == &strategy_sticky)
        out->switch_ppm = STICKY_PPM_DEFAULT;
    return text[len] == '\0' ? 0 : parse_parameter(out, text + len + 1, error, error_bytes);
}

void strategy_print(const struct strategy_spec *spec, char *out, size_t out_bytes)
{
    if (spec->ops == &strategy_pct)
        (void)snprintf(out, out_bytes, "pct,d=%u", spec->depth);
    else if (spec->ops == &strategy_sticky)
        (void)snprintf(out, out_bytes, "sticky,p=%u", spec->switch_ppm);
    else
        (void)snprintf(out, out_bytes, "%s", spec->ops->name);
}
