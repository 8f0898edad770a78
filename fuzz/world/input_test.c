/*
 * fuzz/world/input_test.c - runs from bytes: the same input runs the same and has the same
 * features, another schedule has others, what must not run does not, and hints name what can be
 * steered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/feedback/feedback.h"
#include "fuzz/mutate/hints.h"
#include "fuzz/world/input.h"
#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"

enum { SEEDS = 40, TEXT_BYTES = 2048 };

#define SCENE                                                                                      \
    "node p\n"                                                                                     \
    "    workers 2\n"                                                                              \
    "    listen fe 10.0.0.1:80 h1\n"                                                               \
    "    backend app 10.0.1.1:8080 h1\n"                                                           \
    "client c1 10.9.0.1 load to=10.0.0.1:80 requests=2 path=/a keep-alive\n"                       \
    "client c2 10.9.0.2 load to=10.0.0.1:80 requests=2 path=/b keep-alive\n"                       \
    "server s1 10.0.1.1:8080 auto\n"

struct outcome {
    struct run_result result;
    uint64_t features;
    size_t feature_count;
};

static void stepped(void *context, const struct strategy_run *run, const struct vthread *thread)
{
    (void)context;
    (void)run;
    feedback_step(thread);
}

static void encode(const char *text, struct buffer *out)
{
    struct scenario *scenario = NULL;
    struct diagnostics diag;

    diagnostics_init(&diag);
    if (!scenario_parse(text, strlen(text), "test", &scenario, &diag)) {
        diagnostics_print(&diag, stderr);
        fail();
    }
    scenario_encode(scenario, out);
    scenario_free(scenario);
}

static bool open_text(struct input *input, const char *text)
{
    struct buffer bytes = {0};

    encode(text, &bytes);
    const bool is_good = input_open(input, (const uint8_t *)bytes.data, bytes.len, NULL);
    buffer_fini(&bytes);
    return is_good;
}

static void run_text(const char *text, struct outcome *out)
{
    static const struct steer_listener listener = {.stepped = stepped};
    struct input input;

    assert_true(open_text(&input, text));
    feedback_begin();
    input_run(&input, &listener, &out->result);
    feedback_end();
    out->features = feedback_hash();
    (void)feedback_touched(&out->feature_count);
    input_close(&input);
}

static const char *seeded(unsigned seed, const char *strategy)
{
    static char text[TEXT_BYTES];

    (void)snprintf(text, sizeof(text), SCENE "\nfound seed=0x%x strategy=%s\n", seed + 1, strategy);
    return text;
}

static void the_same_input_runs_the_same(void **state)
{
    static const char *const strategies[] = {"random",     "sticky,p=50000", "pos",
                                             "pct,d=3",    "surw",           "rff",
                                             "period,n=3", "skewed",         "late"};

    (void)state;
    for (unsigned i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++) {
        struct outcome first;
        struct outcome between;
        struct outcome second;
        run_text(seeded(i, strategies[i]), &first);
        run_text(seeded(i + 100, "random"), &between);
        run_text(seeded(i, strategies[i]), &second);
        assert_int_equal(first.result.finding.kind, FINDING_NONE);
        assert_true(first.result.trace_hash == second.result.trace_hash);
        assert_true(first.features == second.features);
        assert_true(first.feature_count > 20);
    }
}

static void other_schedules_have_other_features(void **state)
{
    uint64_t seen[SEEDS];
    size_t distinct = 0;

    (void)state;
    for (unsigned i = 0; i < SEEDS; i++) {
        struct outcome outcome;
        run_text(seeded(i, "random"), &outcome);
        bool is_new = true;
        for (size_t j = 0; j < distinct; j++)
            is_new &= seen[j] != outcome.features;
        if (is_new)
            seen[distinct++] = outcome.features;
    }
    assert_true(distinct > SEEDS / 2);
}

static void a_channel_that_is_off_says_nothing(void **state)
{
    struct outcome all;
    struct outcome none;
    size_t sum = 0;

    (void)state;
    run_text(seeded(3, "random"), &all);
    feedback_channels_set(0);
    run_text(seeded(3, "random"), &none);
    assert_int_equal(none.feature_count, 0);
    for (unsigned i = 0; i < FEEDBACK_CHANNEL_COUNT; i++) {
        struct outcome one;
        feedback_channels_set(UINT32_C(1) << i);
        run_text(seeded(3, "random"), &one);
        if (one.feature_count == 0 && i != FEEDBACK_STATE && i != FEEDBACK_SYNC)
            fail_msg("nothing in %s", feedback_channel_word((enum feedback_channel)i));
        sum += one.feature_count;
    }
    feedback_channels_set(FEEDBACK_ALL);
    assert_int_equal(sum, all.feature_count);
}

/* A turn that hints offer changes the run, when it is recorded. */
static void hints_can_be_followed(void **state)
{
    static struct hints hints;
    static char text[TEXT_BYTES];
    struct outcome dull;
    struct input input;
    size_t changed = 0;

    (void)state;
    run_text(SCENE, &dull);
    assert_true(open_text(&input, SCENE));
    input_hints(&input, &hints);
    input_close(&input);
    assert_true(hints.contended_count > 5);
    assert_true(hints.flip_count > 5);
    assert_int_equal(hints.choice_count, 0);
    for (size_t i = 0; i < hints.contended_count; i++) {
        const struct hints_turn *turn = &hints.contended[i];
        struct outcome outcome;
        (void)snprintf(text, sizeof(text), SCENE "\nsched %s@%u -> %s\n", hints.names[turn->thread],
                       turn->count, hints.names[turn->other]);
        run_text(text, &outcome);
        changed += outcome.result.trace_hash != dull.result.trace_hash;
    }
    assert_true(changed > hints.contended_count * 9 / 10);
}

/* All that a seed chose, recorded, is the same run without the seed. */
static void what_was_chosen_can_be_recorded(void **state)
{
    static struct hints hints;
    struct buffer text = {0};
    struct outcome seed;
    struct outcome recorded;
    struct input input;

    (void)state;
    run_text(seeded(5, "sticky,p=50000"), &seed);
    assert_true(open_text(&input, seeded(5, "sticky,p=50000")));
    input_hints(&input, &hints);
    input_close(&input);
    assert_true(hints.choice_count > 0);
    buffer_append_text(&text, SCENE "\n");
    for (size_t i = 0; i < hints.choice_count; i++) {
        const struct hints_choice *choice = &hints.choices[i];
        const char *name = hints.names[choice->thread];
        const enum choice_class class = (enum choice_class)choice->class;
        if (class == CHOICE_SCHED)
            buffer_printf(&text, "sched %s@%u -> %s\n", name, choice->count,
                          hints.names[choice->other]);
        else
            buffer_printf(&text, "pick %s.%s@%u = %u\n", name, choice_class_word(class),
                          choice->count, choice->value);
    }
    run_text(text.data, &recorded);
    assert_true(recorded.result.trace_hash == seed.result.trace_hash);
    buffer_fini(&text);
}

static void what_must_not_run_does_not(void **state)
{
    static const char *const refused[] = {
        "plant K01\n" SCENE,
        SCENE "fault p.epoll_wait nth=1 errno=EIO\n",
        "node p\n    program /bin/true\n",
        "node p\n    workers 2\n    exercise wake rounds=2\n+1us p hard-stop\n",
    };
    struct input input;

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_false(open_text(&input, refused[i]));
    assert_true(open_text(&input, SCENE "fault p.accept4 nth=1 errno=EMFILE\n"));
    input_close(&input);
}

/* A trial's recording is complete: its seed does not go on behind it. */
static void a_trial_is_where_it_comes_from_and_no_more(void **state)
{
    struct outcome dull;
    struct outcome trial;

    (void)state;
    run_text(SCENE, &dull);
    run_text(SCENE "\nfound seed=0x5 trial=7 strategy=random\n", &trial);
    assert_true(dull.result.trace_hash == trial.result.trace_hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_input_runs_the_same),
        cmocka_unit_test(other_schedules_have_other_features),
        cmocka_unit_test(a_channel_that_is_off_says_nothing),
        cmocka_unit_test(hints_can_be_followed),
        cmocka_unit_test(what_was_chosen_can_be_recorded),
        cmocka_unit_test(what_must_not_run_does_not),
        cmocka_unit_test(a_trial_is_where_it_comes_from_and_no_more),
    };

    feedback_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
