/*
 * sim/cli/plants.c - see plants.h.
 */
#include "sim/cli/plants.h"

#include <string.h>
#include <strings.h>

const struct plant_info plants_all[] = {
#define PLANT_DEF(name, id, slug, story, scenario) {id, slug, story, scenario},
#include "core/plant/plants.def"
#undef PLANT_DEF
};

unsigned plants_find(const char *name)
{
    for (unsigned i = 0; i < PLANT_COUNT; i++)
        if (strcasecmp(plants_all[i].id, name) == 0 || strcmp(plants_all[i].slug, name) == 0)
            return i;
    return PLANT_COUNT;
}
