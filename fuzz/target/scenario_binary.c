/*
 * fuzz/target/scenario_binary.c - any bytes are a scenario, and what is decoded from them obeys the
 * laws of sim/input/laws.h.
 *
 * Threads: main.
 */
#include <stdio.h>

#include "fuzz/engine/finding.h"
#include "sim/input/laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *broken = laws_of_bytes(data, len);
    char title[256];

    if (broken != NULL) {
        snprintf(title, sizeof(title), "scenario law: %s", broken);
        finding_abort(title);
    }
    return 0;
}
