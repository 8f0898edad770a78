/*
 * sim/cli/shard_test.c - shards by hand and as batch systems name them.
 */
#include "sim/cli/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "NAME=VALUE NAME=VALUE" */
static const char *environment;

static char *get(const char *name)
{
    static char value[64];
    const size_t len = strlen(name);

    for (const char *at = environment; *at != '\0'; at += strcspn(at, " "), at += *at == ' ') {
        if (strncmp(at, name, len) == 0 && at[len] == '=') {
            snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + len + 1, " "), at + len + 1);
            return value;
        }
    }
    return NULL;
}

static void test_shards_are_found(void **state)
{
    static const struct {
        const char *text;
        const char *environment;
        uint32_t index, count;
    } cases[] = {
        {"0/1", "", 0, 1},
        {"2/3", "TEST_SHARD_INDEX=0 TEST_TOTAL_SHARDS=9", 2, 3},
        {"auto", "TEST_SHARD_INDEX=4 TEST_TOTAL_SHARDS=9", 4, 9},
        {"auto",
         "SLURM_ARRAY_TASK_ID=14 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=10 "
         "SLURM_ARRAY_TASK_STEP=2",
         2, 4},
        {"auto/16", "JOB_COMPLETION_INDEX=15", 15, 16},
        {"auto", "JOB_COMPLETION_INDEX=3 HEDDLE_SHARD_COUNT=8", 3, 8},
        {"auto/10", "AWS_BATCH_JOB_ARRAY_INDEX=9", 9, 10},
        {"auto", "BATCH_TASK_INDEX=0 BATCH_TASK_COUNT=2", 0, 2},
        {"auto", "CLOUD_RUN_TASK_INDEX=1 CLOUD_RUN_TASK_COUNT=2", 1, 2},
        {"auto", "CI_NODE_INDEX=1 CI_NODE_TOTAL=5", 0, 5},
        {"auto", "CI_NODE_INDEX=5 CI_NODE_TOTAL=5", 4, 5},
        {"auto", "BUILDKITE_PARALLEL_JOB=3 BUILDKITE_PARALLEL_JOB_COUNT=4", 3, 4},
        {"auto", "CIRCLE_NODE_INDEX=0 CIRCLE_NODE_TOTAL=2", 0, 2},
        /* Bazel on a Slurm node: the innermost counts. */
        {"auto", "SLURM_ARRAY_TASK_ID=7 TEST_SHARD_INDEX=1 TEST_TOTAL_SHARDS=2", 1, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct shard_choice choice;
        char error[OPTION_ERROR_BYTES] = "";
        environment = cases[i].environment;
        if (!shard_parse(cases[i].text, get, &choice, error, sizeof(error)))
            fail_msg("%s with %s: %s", cases[i].text, environment, error);
        assert_int_equal(choice.index, cases[i].index);
        assert_int_equal(choice.count, cases[i].count);
    }
}

/* Where several are there, as Bazel on a Slurm node in a CI's job, the first of this order counts.
 */
static void test_systems_have_an_order(void **state)
{
    static const char *const systems[] = {
        "TEST_SHARD_INDEX=1 TEST_TOTAL_SHARDS=20 ",
        "SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=20 SLURM_ARRAY_TASK_MIN=0 ",
        "JOB_COMPLETION_INDEX=3 HEDDLE_SHARD_COUNT=20 ",
        "AWS_BATCH_JOB_ARRAY_INDEX=4 AWS_BATCH_JOB_ARRAY_SIZE=20 ",
        "BATCH_TASK_INDEX=5 BATCH_TASK_COUNT=20 ",
        "CLOUD_RUN_TASK_INDEX=6 CLOUD_RUN_TASK_COUNT=20 ",
        "CI_NODE_INDEX=8 CI_NODE_TOTAL=20 ",
        "BUILDKITE_PARALLEL_JOB=8 BUILDKITE_PARALLEL_JOB_COUNT=20 ",
        "CIRCLE_NODE_INDEX=9 CIRCLE_NODE_TOTAL=20 ",
    };
    static char all[1024];

    (void)state;
    for (size_t first = 0; first < sizeof(systems) / sizeof(systems[0]); first++) {
        struct shard_choice choice;
        char error[OPTION_ERROR_BYTES] = "";
        size_t len = 0;
        /* The last of them stands first: it is not the order of the environment. */
        for (size_t i = sizeof(systems) / sizeof(systems[0]); i-- > first;)
            len += (size_t)snprintf(all + len, sizeof(all) - len, "%s", systems[i]);
        environment = all;
        if (!shard_parse("auto", get, &choice, error, sizeof(error)))
            fail_msg("%s: %s", environment, error);
        assert_int_equal(choice.index, first + 1);
        assert_int_equal(choice.count, 20);
    }
}

static void test_nonsense_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *environment;
        const char *message;
    } cases[] = {
        {"3/3", "", "'3/3' is not I/N"},
        {"1", "", "is not I/N"},
        {"-1/2", "", "is not I/N"},
        {"0/0", "", "is not I/N"},
        {"1/2/3", "", "is not I/N"},
        {"auto", "", "no batch system"},
        {"auto", "JOB_COMPLETION_INDEX=3", "say auto/N"},
        {"auto/3", "JOB_COMPLETION_INDEX=3", "is none of 3"},
        {"auto", "CI_NODE_INDEX=0 CI_NODE_TOTAL=5", "is none of 5"},
        {"auto", "CI_NODE_INDEX=6 CI_NODE_TOTAL=5", "is none of 5"},
        {"auto", "TEST_SHARD_INDEX=one TEST_TOTAL_SHARDS=2", "no numbers"},
        {"auto",
         "SLURM_ARRAY_TASK_ID=13 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=10 "
         "SLURM_ARRAY_TASK_STEP=2",
         "is none of 4"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct shard_choice choice;
        char error[OPTION_ERROR_BYTES] = "";
        environment = cases[i].environment;
        if (shard_parse(cases[i].text, get, &choice, error, sizeof(error)) ||
            strstr(error, cases[i].message) == NULL)
            fail_msg("%s with %s: %s", cases[i].text, environment, error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shards_are_found),
        cmocka_unit_test(test_systems_have_an_order),
        cmocka_unit_test(test_nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
