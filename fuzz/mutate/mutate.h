/*
 * fuzz/mutate/mutate.h - scenarios made from scenarios: the one mutator behind libFuzzer and AFL++.
 *
 * An input is read as a scenario, some of its lines are changed, and it is written again: what
 * comes out is canonical (sim/input/wire.h). All is decided by the input and the seed; what a run
 * of the input shows (fuzz/mutate/hints.h) depends on the input alone.
 *
 * Threads: one at a time: there is one store of hints in the process.
 */
#ifndef FUZZ_MUTATE_MUTATE_H
#define FUZZ_MUTATE_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hints;

/* X(enumerator, word for AFL++'s file names, weight among all) */
#define MUTATE_OPERATIONS(X)                                                                       \
    X(INSERT, "insert", 6)           /* a new event */                                             \
    X(DELETE, "delete", 5)           /* a line less */                                             \
    X(DUPLICATE, "duplicate", 3)     /* an event twice */                                          \
    X(SWAP, "swap", 3)               /* two events change places */                                \
    X(MOVE, "move", 3)               /* an event is another's: another connection's */             \
    X(RETIME, "retime", 7)           /* at once, 1us later, just before or after a timer */        \
    X(PAYLOAD, "payload", 6)         /* the engine's own mutation of some bytes */                 \
    X(GRAMMAR, "grammar", 5)         /* legal messages of a protocol, then perhaps one lie */      \
    X(VALUE, "value", 5)             /* a number, a rate, a flag, a word */                        \
    X(FAULT_ADD, "fault", 4)         /* a call fails, moves few bytes, a thread stalls, a cut */   \
    X(FAULT_EDIT, "fault-edit", 2)   /* nth one more or less, another error */                     \
    X(RESEED, "reseed", 70)          /* other choices beyond the recorded ones */                  \
    X(RECORD, "record", 4)           /* what the seed chose becomes the recording */               \
    X(SWITCH, "switch", 10)          /* another thread first, where it matters */                  \
    X(FLIP, "flip", 10)              /* of two that met, the other one first */                    \
    X(SWITCH_EDIT, "switch-edit", 5) /* a recorded turn is gone, earlier, later, another's */      \
    X(PICK, "pick", 4)               /* a recorded draw: short reads, order of reports, failures */

enum mutate_operation {
#define X(name, word, weight) MUTATE_##name,
    MUTATE_OPERATIONS(X)
#undef X
        MUTATE_OPERATION_COUNT
};

const char *mutate_operation_word(enum mutate_operation operation);

/* What the engine lends. All zero: nothing. */
struct mutate_engine {
    /* Changes `len` bytes in place, which may become up to `len_max`; returns how many there are.
     * Deterministic in (data, seed). NULL: our own. */
    size_t (*bytes)(uint8_t *data, size_t len, size_t len_max, uint64_t seed);
    /* What a run of the input shows; false when it does not run. Deterministic. NULL: nothing is
     * known, and schedules are changed blindly. */
    bool (*hints)(const uint8_t *data, size_t len, struct hints *hints);
    /* A bit for each operation that may be used; 0: all. */
    uint32_t operations;
};

/* Changes the input in place; returns its new length, at most `len_max`. `engine` may be NULL. */
size_t mutate_scenario(uint8_t *data, size_t len, size_t len_max, uint64_t seed,
                       const struct mutate_engine *engine);

/* Shares of the strategies that reseeding draws from: the first ones need no run of the scene
 * beforehand, the others aim. */
enum { MUTATE_SHARES = 100, MUTATE_SHARES_PLAIN = 70 };
/* `share` below MUTATE_SHARES. */
const char *mutate_strategy(uint32_t share);

/* The input with nothing recorded but `found seed= strategy=`; returns the length of `out`. */
size_t mutate_reseed(const uint8_t *data, size_t len, uint64_t seed, const char *strategy,
                     uint8_t *out, size_t out_max);

/* The input with `times` as much for everybody to do: rounds of exercises, requests of clients.
 * Returns the length of `out`, 0 when there is nothing of the kind. */
size_t mutate_enlarge(const uint8_t *data, size_t len, uint64_t times, uint8_t *out,
                      size_t out_max);

/* Some events of `b` among those of `a`, whole lines only. Returns the length of `out`. */
size_t mutate_cross(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out,
                    size_t out_max, uint64_t seed);

/* Which operations the last mutation was made of, "switch,retime"; for file names. */
const char *mutate_describe(void);
/* The same as a bit set. */
uint32_t mutate_last_operations(void);

/* ---- trimming, line by line ---- */

/* How many lines of the input can be left out, one at a time. */
size_t mutate_trim_count(const uint8_t *data, size_t len);
/* The input without its line number `index` of these; returns the length of `out`. */
size_t mutate_trim(const uint8_t *data, size_t len, size_t index, uint8_t *out, size_t out_max);

#endif
