/*
 * fuzz/drive/trial.c - a target that is wrong in known ways, for trying `heddle fuzz` itself. TRIAL
 * says how: a letter for each way, all but c unless it is set.
 *
 *     f   what begins with "fo": a finding
 *     s   what begins with "se": another
 *     o   what begins with "ov": reads behind the end, which asan sees
 *     l   what begins with a word that no engine guesses: only a seed is that
 *     c   every input behind the thousandth: a finding that no input makes alone
 *
 * Threads: main.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/engine/finding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { COUNT_MAX = 1000 };

static bool is_wrong(char way)
{
    static const char *ways;

    if (ways == NULL)
        ways = getenv("TRIAL");
    return ways == NULL ? way != 'c' : strchr(ways, way) != NULL;
}

static bool begins(const uint8_t *data, size_t len, const char *text)
{
    return len > 1 && data[0] == (uint8_t)text[0] && data[1] == (uint8_t)text[1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static unsigned count;

    count++;
    FINDING_UNLESS(!is_wrong('c') || count <= COUNT_MAX, "trial: a count");
    FINDING_UNLESS(!begins(data, len, "fo") || !is_wrong('f'), "trial: the first");
    FINDING_UNLESS(!begins(data, len, "se") || !is_wrong('s'), "trial: the second");
    FINDING_UNLESS(!is_wrong('l') || len < 16 || memcmp(data, "sesquipedalian ", 15) != 0,
                   "trial: the third");
    /* Something new that is no finding. */
    if (begins(data, len, "ok"))
        return 0;
    if (is_wrong('o') && begins(data, len, "ov")) {
        volatile uint8_t *copy = malloc(len);
        if (copy != NULL)
            copy[len] = data[0];
        free((void *)copy);
    }
    return 0;
}
