/*
 * core/plant/plant.h - real, historical concurrency bugs that a simulated build can switch on.
 *
 * `if (PLANT(K01)) { the mistake } else { the right code }`: a plant differs from the right code by
 * the historical mistake alone. Natively PLANT() is the constant false and the mistake is not
 * compiled. plants.def lists them: enumerator, id on the command line, slug, story, scenario.
 *
 * Threads: any.
 */
#ifndef CORE_PLANT_PLANT_H
#define CORE_PLANT_PLANT_H

#include "core/base/hook.h"

enum plant {
#define PLANT_DEF(name, id, slug, story, scenario) PLANT_##name,
#include "core/plant/plants.def"
#undef PLANT_DEF
    PLANT_COUNT
};

#ifdef CORE_SIMULATED
#define PLANT(name) core_hook_plant(PLANT_##name)
#else
#define PLANT(name) false
#endif

#endif
