/*
 * fuzz/world/coverage_test.c - what an engine counts of an input does not depend on the inputs
 * before it. Core's MARK()s stand for its code, which is covered in builds for engines only; there
 * //fuzz:world_fuzz_test_steady looks at all of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/world/input.h"
#include "sim/choice/choice.h"
#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/posix/hook.h"

enum { MAP_BYTES = 1 << 12, TEXT_BYTES = 2048, FEW = 2 };

/* AFL++'s map, as its runtime has it. */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wmissing-variable-declarations"
/* NOLINTBEGIN(bugprone-reserved-identifier): its names. */
static uint8_t map[MAP_BYTES];
uint8_t *__afl_area_ptr = map;
uint32_t __afl_map_size = MAP_BYTES;
/* NOLINTEND(bugprone-reserved-identifier) */
#pragma clang diagnostic pop

static void count(const char *mark)
{
    __afl_area_ptr[choice_who(mark) % MAP_BYTES]++;
}

/* All from the bytes on, as a target does it. */
static void run_text(const char *text, uint8_t counted[MAP_BYTES])
{
    struct scenario *scenario = NULL;
    struct diagnostics diag;
    struct buffer bytes = {0};
    struct run_result result;
    struct input input;

    diagnostics_init(&diag);
    assert_true(scenario_parse(text, strlen(text), "test", &scenario, &diag));
    scenario_encode(scenario, &bytes);
    scenario_free(scenario);
    memset(map, 0, sizeof(map));
    assert_true(input_open(&input, (const uint8_t *)bytes.data, bytes.len, NULL));
    input_run(&input, NULL, &result);
    input_close(&input);
    buffer_fini(&bytes);
    memcpy(counted, map, MAP_BYTES);
}

/* Nobody is there to answer: what is marked is what goes wrong. */
static const char *text_of(unsigned body, const char *strategy)
{
    static char text[TEXT_BYTES];

    (void)snprintf(text, sizeof(text),
                   "node p\n"
                   "    workers 2\n"
                   "    listen fe 10.0.0.1:80 h1\n"
                   "    backend app 10.0.1.1:8080 h1\n"
                   "client c 10.9.0.1 x2 load to=10.0.0.1:80 requests=2 path=/a body=%u\n"
                   "fault p.accept4 nth=1 errno=EMFILE\n"
                   "+1ms p hard-stop\n"
                   "\nfound seed=0x5 strategy=%s\n",
                   body, strategy);
    return text;
}

static void it_depends_on_the_input_alone(void **state)
{
    static const char *const strategies[] = {"random", "pct,d=3", "surw", "rff", "period,n=2"};
    uint8_t first[MAP_BYTES];
    uint8_t again[MAP_BYTES];
    uint8_t other[MAP_BYTES];
    unsigned marks = 0;

    (void)state;
    for (unsigned i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++) {
        run_text(text_of(1, strategies[i]), first);
        run_text(text_of(1, strategies[i]), again);
        assert_memory_equal(first, again, MAP_BYTES);
        run_text(text_of(2, strategies[i]), other);
        run_text(text_of(1, strategies[i]), again);
        assert_memory_equal(first, again, MAP_BYTES);
    }
    for (unsigned i = 0; i < MAP_BYTES; i++)
        marks += first[i] != 0;
    assert_true(marks > FEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_depends_on_the_input_alone)};

    mark_passed = count;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
