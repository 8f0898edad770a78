/*
 * sim/cli/plants.h - the catalogue of planted bugs, by their ids.
 *
 * Threads: any; pure.
 */
#ifndef SIM_CLI_PLANTS_H
#define SIM_CLI_PLANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/plant/plant.h"

enum { PLANTS_WORDS = (PLANT_COUNT + 63) / 64 };

struct plant_info {
    const char *id;
    const char *slug;
    const char *story;
    const char *scenario; /* below scenarios/, without .scn */
};

/* By enum plant; PLANT_COUNT entries. */
extern const struct plant_info plants_all[];

/* PLANT_COUNT when there is none of that id or slug. */
unsigned plants_find(const char *name);

#endif
