/*
 * fuzz/world/report.c - see report.h.
 */
#include "fuzz/world/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/race/title.h"
#include "sim/report/reproducer.h"
#include "sim/report/story.h"
#include "sim/report/symbols.h"
#include "sim/report/trace.h"
#include "sim/report/words.h"

enum { STEPS_KEPT = 4096, PATH_BYTES = 512, ERROR_BYTES = 256 };

static void name_object(const struct vthread *thread, const struct op *op, char *out,
                        size_t out_bytes)
{
    (void)thread;
    (void)op;
    out[0] = '\0';
    (void)out_bytes;
}

static void stepped(void *context, const struct strategy_run *run, const struct vthread *thread)
{
    (void)run;
    trace_step(context, thread, &thread->next);
}

static bool write_file(const char *out, const struct run_result *result, const struct buffer *text,
                       char *path, size_t path_bytes)
{
    snprintf(path, path_bytes, "%s/found-%016" PRIx64 ".scn", out, result->trace_hash);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    const bool is_good = fwrite(text->data, 1, text->len, file) == text->len;
    return fclose(file) == 0 && is_good;
}

static void write_reproducer(const struct reproducer *reproducer, const char *out, char *path,
                             size_t path_bytes)
{
    struct buffer text = {0};
    char error[ERROR_BYTES] = "";

    path[0] = '\0';
    if (!reproducer_print(reproducer, &text, error, sizeof(error)))
        fprintf(stderr, "heddle: no reproducer: %s\n", error);
    else if (out == NULL || !write_file(out, reproducer->result, &text, path, path_bytes))
        fprintf(stderr, "---- reproducer ----\n%s--------------------\n", text.data);
    buffer_fini(&text);
}

void report_finding(struct input *input, const char *const *plants, size_t plant_count,
                    const char *out, char *title, size_t title_bytes)
{
    static struct trace trace;
    const struct steer_listener listener = {.stepped = stepped, .context = &trace};
    struct run_result result;
    char path[PATH_BYTES];
    char command[PATH_BYTES + 32] = "";
    size_t count;

    trace_init(&trace, STEPS_KEPT, name_object);
    input_run(input, &listener, &result);
    trace_end(&trace);
    const struct choice_deviation *deviations = choice_deviations(&count);
    symbols_expand(result.finding.title, sizeof(result.finding.title));
    race_title_sort(result.finding.title);
    symbols_expand_places(result.finding.detail, sizeof(result.finding.detail));
    const struct reproducer reproducer = {.scenario = input->scenario,
                                          .plants = plants,
                                          .plant_count = plant_count,
                                          .trace = &trace,
                                          .result = &result,
                                          .deviations = deviations,
                                          .deviation_count = count};
    write_reproducer(&reproducer, out, path, sizeof(path));
    if (path[0] != '\0')
        snprintf(command, sizeof(command), "heddle replay %s", path);
    story_print(stderr, &(struct story){.trace = &trace,
                                        .result = &result,
                                        .lookup = symbols_lookup,
                                        .command = path[0] == '\0' ? NULL : command,
                                        .file = path[0] == '\0' ? NULL : path,
                                        .style = {.width = STORY_WIDTH_DEFAULT}});
    snprintf(title, title_bytes, "%s", result.finding.title);
    trace_fini(&trace);
}
