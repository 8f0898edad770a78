/*
 * sim/cli/shard.c - see shard.h.
 */
#include "sim/cli/shard.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The variables of a batch system; NULL: it has none for that. */
struct batch_system {
    const char *index;
    const char *count;
    const char *first; /* of the lowest index; NULL: it is `index_min` */
    const char *step;  /* between indices; NULL: 1 */
    uint64_t index_min;
};

/* The first that is there counts. Kubernetes does not tell how many there are: auto/N, or the
 * manifest sets HEDDLE_SHARD_COUNT. */
static const struct batch_system systems[] = {
    {.index = "TEST_SHARD_INDEX", .count = "TEST_TOTAL_SHARDS"}, /* Bazel */
    {.index = "SLURM_ARRAY_TASK_ID",
     .count = "SLURM_ARRAY_TASK_COUNT",
     .first = "SLURM_ARRAY_TASK_MIN",
     .step = "SLURM_ARRAY_TASK_STEP"},
    {.index = "JOB_COMPLETION_INDEX", .count = "HEDDLE_SHARD_COUNT"}, /* Kubernetes */
    {.index = "AWS_BATCH_JOB_ARRAY_INDEX", .count = "AWS_BATCH_JOB_ARRAY_SIZE"},
    {.index = "BATCH_TASK_INDEX", .count = "BATCH_TASK_COUNT"}, /* Google */
    {.index = "CLOUD_RUN_TASK_INDEX", .count = "CLOUD_RUN_TASK_COUNT"},
    {.index = "CI_NODE_INDEX", .count = "CI_NODE_TOTAL", .index_min = 1}, /* GitLab */
    {.index = "BUILDKITE_PARALLEL_JOB", .count = "BUILDKITE_PARALLEL_JOB_COUNT"},
    {.index = "CIRCLE_NODE_INDEX", .count = "CIRCLE_NODE_TOTAL"},
};

static bool is_whole(uint64_t index, uint64_t count)
{
    return count >= 1 && count <= SHARD_COUNT_MAX && index < count;
}

/* A variable that is not there is `missing`; false when it is no number. */
static bool read_variable(const char *name, char *(*get)(const char *name), uint64_t missing,
                          uint64_t *out)
{
    const char *text = name == NULL ? NULL : get(name);

    *out = missing;
    return text == NULL || *text == '\0' || options_parse_number(text, out);
}

static bool ask(const struct batch_system *system, char *(*get)(const char *name), uint64_t count,
                struct shard_choice *out, char *error, size_t error_bytes)
{
    uint64_t index;
    uint64_t first;
    uint64_t step;

    if (!read_variable(system->index, get, 0, &index) ||
        (count == 0 && !read_variable(system->count, get, 0, &count)) ||
        !read_variable(system->first, get, system->index_min, &first) ||
        !read_variable(system->step, get, 1, &step)) {
        snprintf(error, error_bytes, "--shard: %s and what belongs to it are no numbers",
                 system->index);
        return false;
    }
    if (count == 0) {
        snprintf(error, error_bytes, "--shard: %s is there, but not %s: say auto/N", system->index,
                 system->count);
        return false;
    }
    if (step == 0 || index < first || (index - first) % step != 0 ||
        !is_whole((index - first) / step, count)) {
        snprintf(error, error_bytes, "--shard: %s=%" PRIu64 " is none of %" PRIu64, system->index,
                 index, count);
        return false;
    }
    *out = (struct shard_choice){(uint32_t)((index - first) / step), (uint32_t)count};
    return true;
}

static bool ask_systems(char *(*get)(const char *name), uint64_t count, struct shard_choice *out,
                        char *error, size_t error_bytes)
{
    for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
        const char *index = get(systems[i].index);
        if (index != NULL && *index != '\0')
            return ask(&systems[i], get, count, out, error, error_bytes);
    }
    snprintf(error, error_bytes, "--shard auto: no batch system has set its variables");
    return false;
}

bool shard_parse(const char *text, char *(*get)(const char *name), struct shard_choice *out,
                 char *error, size_t error_bytes)
{
    const char *slash = strchr(text, '/');
    char left[24];
    uint64_t index;
    uint64_t count = 0;

    const size_t left_len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    snprintf(left, sizeof(left), "%.*s", (int)(left_len < 23 ? left_len : 23), text);
    const bool has_count = slash != NULL && options_parse_number(slash + 1, &count) && count >= 1;
    if (strcmp(left, "auto") == 0 && (slash == NULL || has_count))
        return ask_systems(get, count, out, error, error_bytes);
    if (!has_count || !options_parse_number(left, &index) || !is_whole(index, count)) {
        snprintf(error, error_bytes, "--shard: '%s' is not I/N with I from 0 and below N", text);
        return false;
    }
    *out = (struct shard_choice){(uint32_t)index, (uint32_t)count};
    return true;
}

/* Bazel takes a test for one that cannot be sharded unless it touches a file. */
static void tell_bazel(void)
{
    const char *path = getenv("TEST_SHARD_STATUS_FILE");

    if (path == NULL || *path == '\0')
        return;
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0)
        close(fd);
}

int shard_choose(const struct command *command, const char *text, struct shard_choice *out)
{
    char error[OPTION_ERROR_BYTES];

    *out = (struct shard_choice){0, 1};
    if (text == NULL)
        return 0;
    if (!shard_parse(text, getenv, out, error, sizeof(error)))
        return cli_usage(command, "%s", error);
    tell_bazel();
    return 0;
}
