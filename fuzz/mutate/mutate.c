/*
 * fuzz/mutate/mutate.c - see mutate.h: which operations, and what comes out.
 */
#include "fuzz/mutate/mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/mutate/hints.h"
#include "fuzz/mutate/operations.h"
#include "sim/input/buffer.h"
#include "sim/input/wire.h"

enum { TRIES = 6, STACKED_MAX = 3, STORE_SLOTS = 16, DESCRIPTION_BYTES = 96, RECORDS_MAX = 8192 };

static bool (*const functions[])(struct edit *) = {
    operation_insert, operation_delete,    operation_duplicate,  operation_swap,
    operation_move,   operation_retime,    operation_payload,    operation_grammar,
    operation_value,  operation_fault_add, operation_fault_edit, operation_reseed,
    operation_record, operation_switch,    operation_flip,       operation_switch_edit,
    operation_pick,
};
_Static_assert(sizeof(functions) / sizeof(functions[0]) == MUTATE_OPERATION_COUNT, "one each");

static const char *const words[] = {
#define X(name, word, weight) word,
    MUTATE_OPERATIONS(X)
#undef X
};

static const uint8_t weights[] = {
#define X(name, word, weight) weight,
    MUTATE_OPERATIONS(X)
#undef X
};

/* Those that look at a run of the input. */
enum {
    AIMING = 1 << MUTATE_RETIME | 1 << MUTATE_RECORD | 1 << MUTATE_SWITCH | 1 << MUTATE_FLIP |
             1 << MUTATE_SWITCH_EDIT | 1 << MUTATE_PICK,
};

static uint32_t last_operations;

const char *mutate_operation_word(enum mutate_operation operation)
{
    return words[operation];
}

uint32_t mutate_last_operations(void)
{
    return last_operations;
}

const char *mutate_describe(void)
{
    static char text[DESCRIPTION_BYTES];
    size_t len = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < MUTATE_OPERATION_COUNT; i++) {
        if ((last_operations >> i & 1) == 0 || len + 16 > sizeof(text))
            continue;
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len == 0 ? "" : "+", words[i]);
    }
    return text;
}

/* ---- hints ---- */

static uint64_t hash_bytes(const uint8_t *data, size_t len)
{
    uint64_t hash = len;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
    return random_mix(hash);
}

/* What runs showed depends on their inputs alone, so it may be kept: an engine tries several
 * mutations of one input. */
static const struct hints *hints_of(const uint8_t *data, size_t len,
                                    const struct mutate_engine *engine)
{
    static struct {
        uint64_t hash;
        bool is_known;
        struct hints hints;
    } store[STORE_SLOTS];
    const uint64_t hash = hash_bytes(data, len) | 1;
    const size_t slot = hash / 2 % STORE_SLOTS;

    if (engine == NULL || engine->hints == NULL)
        return NULL;
    if (store[slot].hash != hash) {
        store[slot].hash = hash;
        store[slot].is_known = engine->hints(data, len, &store[slot].hints);
    }
    return store[slot].is_known ? &store[slot].hints : NULL;
}

/* ---- one mutation ---- */

/* A node that does an exercise has no events and takes no faults: what is left is its schedule. */
static bool has_exercise(const struct edit *edit)
{
    for (size_t i = 0; i < edit->count; i++) {
        const struct scenario_line *line = &edit->lines[i].line;
        if (line->form != FORM_DIRECTIVE)
            continue;
        const struct scenario_value *directive = SCENARIO_ARG(line, DIRECTIVE, WORDS);
        if (directive->word_count != 0 &&
            strcmp((const char *)directive->words[0].text.data, "exercise") == 0)
            return true;
    }
    return false;
}

static unsigned draw_operation(struct edit *edit, uint32_t allowed)
{
    size_t sum = 0;

    for (unsigned i = 0; i < MUTATE_OPERATION_COUNT; i++)
        sum += (allowed >> i & 1) != 0 ? weights[i] : 0;
    size_t left = edit_below(edit, sum);
    for (unsigned i = 0; i < MUTATE_OPERATION_COUNT; i++) {
        const size_t weight = (allowed >> i & 1) != 0 ? weights[i] : 0;
        if (left < weight)
            return i;
        left -= weight;
    }
    return MUTATE_RESEED;
}

/* Those that leave the schedule alone, but for reseeding itself. */
enum {
    OF_EVENTS = 1 << MUTATE_INSERT | 1 << MUTATE_DELETE | 1 << MUTATE_DUPLICATE | 1 << MUTATE_SWAP |
                1 << MUTATE_MOVE | 1 << MUTATE_RETIME | 1 << MUTATE_PAYLOAD | 1 << MUTATE_GRAMMAR |
                1 << MUTATE_VALUE | 1 << MUTATE_FAULT_ADD | 1 << MUTATE_FAULT_EDIT,
};

/* One to three of them; which did something, as a bit set. Other events mostly come with another
 * schedule too: each run is one more look at both. */
static uint32_t apply(struct edit *edit, const uint8_t *data, size_t len, uint32_t allowed)
{
    const uint32_t exercising = allowed & (AIMING | 1 << MUTATE_VALUE | 1 << MUTATE_RESEED);
    const size_t wanted = 1 + (edit_one_in(edit, 3) ? edit_below(edit, STACKED_MAX) : 0);
    uint32_t done = 0;
    size_t count = 0;

    if (exercising != 0 && has_exercise(edit))
        allowed = exercising;
    for (unsigned i = 0; i < TRIES && count < wanted; i++) {
        const unsigned operation = draw_operation(edit, allowed);
        if ((AIMING >> operation & 1) != 0 && edit->hints == NULL)
            edit->hints = hints_of(data, len, edit->engine);
        if (!functions[operation](edit))
            continue;
        done |= UINT32_C(1) << operation;
        count++;
    }
    const bool may_reseed = (allowed >> MUTATE_RESEED & 1) != 0 && (done & ~OF_EVENTS) == 0;
    if (may_reseed && !edit_one_in(edit, 3) && operation_reseed(edit))
        done |= UINT32_C(1) << MUTATE_RESEED;
    return done;
}

/* Canonical bytes: what stands at the end with no meaning is gone, indices are what they come to.
 */
static void canonise(struct buffer *mixed, struct buffer *out)
{
    struct scenario *scenario = scenario_decode((const uint8_t *)mixed->data, mixed->len);

    scenario_encode(scenario, out);
    scenario_free(scenario);
    buffer_fini(mixed);
}

static size_t give(struct buffer *made, uint8_t *out, size_t out_max, size_t otherwise)
{
    const bool fits = made->len != 0 && made->len <= out_max;
    const size_t len = fits ? made->len : otherwise;

    if (fits)
        memcpy(out, made->data, made->len);
    buffer_fini(made);
    return len;
}

size_t mutate_scenario(uint8_t *data, size_t len, size_t len_max, uint64_t seed,
                       const struct mutate_engine *engine)
{
    const uint32_t all = (UINT32_C(1) << MUTATE_OPERATION_COUNT) - 1;
    const uint32_t allowed =
        engine == NULL || (engine->operations & all) == 0 ? all : engine->operations & all;
    struct buffer mixed = {0};
    struct buffer made = {0};
    struct edit edit;

    edit_begin(&edit, data, len, random_mix(seed));
    edit.engine = engine;
    last_operations = apply(&edit, data, len, allowed);
    edit_write(&edit, &mixed);
    edit_end(&edit);
    canonise(&mixed, &made);
    /* Too long: what there was, as it should be written, or at least cut to size. */
    return give(&made, data, len_max, len < len_max ? len : len_max);
}

size_t mutate_reseed(const uint8_t *data, size_t len, uint64_t seed, const char *strategy,
                     uint8_t *out, size_t out_max)
{
    struct buffer mixed = {0};
    struct buffer made = {0};
    struct edit edit;

    edit_begin(&edit, data, len, 0);
    schedule_reseed(&edit, seed, strategy);
    edit_write(&edit, &mixed);
    edit_end(&edit);
    canonise(&mixed, &made);
    return give(&made, out, out_max, 0);
}

size_t mutate_enlarge(const uint8_t *data, size_t len, uint64_t times, uint8_t *out, size_t out_max)
{
    struct buffer mixed = {0};
    struct buffer made = {0};
    struct edit edit;

    edit_begin(&edit, data, len, 0);
    const bool is_changed = values_enlarge(&edit, times);
    edit_write(&edit, &mixed);
    edit_end(&edit);
    canonise(&mixed, &made);
    const size_t made_len = give(&made, out, out_max, 0);
    return is_changed ? made_len : 0;
}

/* ---- crossing ---- */

/* A record of an encoded scenario with what belongs to it: the comment behind the line. */
struct record {
    size_t begin;
    size_t end;
    enum form_place place;
};

static size_t find_records(const uint8_t *data, size_t len, struct record *records, size_t most)
{
    size_t count = 0;

    for (size_t at = WIRE_MAGIC_BYTES; at < len && count < most;) {
        const size_t begin = at;
        at = wire_record_end(data, len, begin);
        if (data[begin] == WIRE_CODE_REMARK && count != 0) {
            records[count - 1].end = at;
            continue;
        }
        const enum scenario_form form = form_by_code(data[begin]);
        records[count++] =
            (struct record){.begin = begin,
                            .end = at,
                            .place = form == FORM_COUNT ? PLACE_TRIVIA : form_info(form)->place};
    }
    return count;
}

static bool is_event(const struct record *record)
{
    return record->place == PLACE_ACTOR || record->place == PLACE_WORLD;
}

static void append(struct buffer *out, const uint8_t *data, const struct record *record)
{
    buffer_append(out, data + record->begin, record->end - record->begin);
}

/* A run of b's events, put between two of a's lines; or b's recorded part in place of a's. */
static void cross(const uint8_t *a, const struct record *as, size_t a_count, const uint8_t *b,
                  const struct record *bs, size_t b_count, uint64_t *random, struct buffer *out)
{
    const bool has_schedule = random_below(random, 4) == 0;
    const size_t first = b_count == 0 ? 0 : random_below(random, (uint32_t)b_count);
    const size_t most = 1 + random_below(random, 8);
    size_t behind = a_count; /* where events may begin */
    size_t taken = 0;

    while (behind > 0 && as[behind - 1].place != PLACE_TOP && as[behind - 1].place != PLACE_NODE)
        behind--;
    size_t before = behind;
    while (before < a_count && as[before].place != PLACE_END && as[before].place != PLACE_SCHEDULE)
        before++;
    const size_t place = behind + random_below(random, (uint32_t)(before - behind) + 1);
    for (size_t i = 0; i <= a_count; i++) {
        for (size_t j = first; i == place && !has_schedule && j < b_count && taken < most; j++) {
            if (is_event(&bs[j])) {
                append(out, b, &bs[j]);
                taken++;
            }
        }
        if (i < a_count && !(has_schedule && as[i].place == PLACE_SCHEDULE))
            append(out, a, &as[i]);
    }
    for (size_t j = 0; has_schedule && j < b_count; j++)
        if (bs[j].place == PLACE_SCHEDULE)
            append(out, b, &bs[j]);
}

size_t mutate_cross(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out,
                    size_t out_max, uint64_t seed)
{
    struct record *records = malloc(sizeof(struct record[2 * RECORDS_MAX]));
    struct buffer mixed = {0};
    struct buffer made = {0};
    uint64_t random = random_mix(seed);

    if (records == NULL)
        abort();
    const bool is_both = scenario_is_encoded(a, a_len) && scenario_is_encoded(b, b_len);
    buffer_append(&mixed, WIRE_MAGIC, WIRE_MAGIC_BYTES);
    if (is_both) {
        const size_t a_count = find_records(a, a_len, records, RECORDS_MAX);
        const size_t b_count = find_records(b, b_len, records + RECORDS_MAX, RECORDS_MAX);
        cross(a, records, a_count, b, records + RECORDS_MAX, b_count, &random, &mixed);
    } else {
        buffer_clear(&mixed);
        buffer_append(&mixed, a, a_len);
    }
    free(records);
    canonise(&mixed, &made);
    return give(&made, out, out_max, 0);
}

/* ---- trimming ---- */

size_t mutate_trim_count(const uint8_t *data, size_t len)
{
    struct scenario *scenario = scenario_decode(data, len);
    const size_t count = scenario->line_count;

    scenario_free(scenario);
    return count;
}

size_t mutate_trim(const uint8_t *data, size_t len, size_t index, uint8_t *out, size_t out_max)
{
    struct buffer mixed = {0};
    struct buffer made = {0};
    struct edit edit;

    edit_begin(&edit, data, len, 0);
    if (index < edit.count)
        edit_remove(&edit, index);
    edit_write(&edit, &mixed);
    edit_end(&edit);
    canonise(&mixed, &made);
    return give(&made, out, out_max, 0);
}
