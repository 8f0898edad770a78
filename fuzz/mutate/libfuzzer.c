/*
 * fuzz/mutate/libfuzzer.c - the mutator as libFuzzer calls it.
 *
 * HEDDLE_FUZZ_OPERATIONS=N is a bit set over the operations of mutate.h; HEDDLE_FUZZ_POOL=WORD is a
 * mode of pool.h.
 *
 * Threads: main.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/mutate/mutate.h"
#include "fuzz/mutate/pool.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t len_max) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t len_max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                                 uint8_t *out, size_t out_max, unsigned seed);
/* The target's, if it has one. */
bool mutate_hints_of(const uint8_t *data, size_t len, struct hints *hints) __attribute__((weak));

/* libFuzzer's random numbers are its own: with the same -seed they are the same. */
static size_t mutate_bytes(uint8_t *data, size_t len, size_t len_max, uint64_t seed)
{
    (void)seed;
    return LLVMFuzzerMutate(data, len, len_max);
}

static const struct mutate_engine *engine(void)
{
    static struct mutate_engine lent;
    static bool is_ready;

    if (!is_ready) {
        const char *operations = getenv("HEDDLE_FUZZ_OPERATIONS");
        lent.bytes = LLVMFuzzerMutate != NULL ? mutate_bytes : NULL;
        lent.hints = mutate_hints_of;
        lent.operations = operations == NULL ? 0 : (uint32_t)strtoul(operations, NULL, 0);
        is_ready = true;
    }
    return &lent;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t len_max, unsigned seed)
{
    return pool_next(data, len, len_max, NULL, 0, seed, engine());
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                                 uint8_t *out, size_t out_max, unsigned seed)
{
    const size_t len = a_len < out_max ? a_len : out_max;

    memcpy(out, a, len);
    return pool_next(out, len, out_max, b, b_len, seed, engine());
}
