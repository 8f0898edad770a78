/*
 * fuzz/target/scenario_text.c - text is a scenario that obeys the laws of sim/input/laws.h, or is
 * refused for a reason.
 *
 * Threads: main.
 */
#include <stdio.h>

#include "fuzz/engine/finding.h"
#include "sim/input/laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *broken = laws_of_text((const char *)data, len);
    char title[256];

    if (broken != NULL) {
        snprintf(title, sizeof(title), "scenario law: %s", broken);
        finding_abort(title);
    }
    return 0;
}
