/*
 * sim/cli/subject.c - see subject.h.
 */
#include "sim/cli/subject.h"

#include <string.h>

#include "sim/cli/files.h"
#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"

static bool parse(const struct buffer *file, const char *path, bool is_to_run,
                  struct scenario **out, struct diagnostics *diag)
{
    const char *data = file->data == NULL ? "" : file->data;

    if (is_to_run)
        return scenario_load(data, file->len, path, out, diag);
    if (!scenario_is_encoded(data, file->len))
        return scenario_parse(data, file->len, path, out, diag);
    *out = scenario_decode((const uint8_t *)data, file->len);
    return true;
}

bool subject_read(const char *path, bool is_to_run, struct scenario **out)
{
    struct diagnostics diag;
    struct buffer file = {0};
    bool is_good = files_read(path, &file);

    if (is_good) {
        diagnostics_init(&diag);
        is_good = parse(&file, path, is_to_run, out, &diag);
        fflush(stdout);
        diagnostics_print(&diag, stderr);
    }
    buffer_fini(&file);
    return is_good;
}

static bool has_plant(const struct scenario *scenario, unsigned plant)
{
    for (size_t i = 0; i < scenario->plant_count; i++)
        if (scenario->plants[i] == plant)
            return true;
    return false;
}

static bool add_plant(struct subject *subject, const struct command *command, const char *name)
{
    const unsigned plant = plants_find(name);

    if (plant == PLANT_COUNT) {
        const char *nearest =
            options_nearest(name, &plants_all[0].id, PLANT_COUNT, sizeof(plants_all[0]));
        (void)cli_usage(command, "--plant: there is no plant '%s'%s%s%s", name,
                        nearest == NULL ? "" : "; did you mean ", nearest == NULL ? "" : nearest,
                        nearest == NULL ? "" : "?");
        return false;
    }
    const uint64_t bit = UINT64_C(1) << (plant % 64);
    const bool is_new = (subject->plants[plant / 64] & bit) == 0;
    subject->plants[plant / 64] |= bit;
    if (is_new && !has_plant(subject->scenario, plant))
        subject->plant_ids[subject->plant_count++] = plants_all[plant].id;
    return true;
}

int subject_open(struct subject *subject, const struct command *command, const char *name,
                 const struct option_list *plants, bool has_every_step)
{
    memset(subject, 0, sizeof(*subject));
    subject->name = name;
    files_find_scenario(name, subject->path, sizeof(subject->path));
    if (!subject_read(subject->path, true, &subject->scenario))
        return CLI_INPUT;
    for (size_t i = 0; plants != NULL && i < plants->count; i++) {
        if (!add_plant(subject, command, plants->items[i])) {
            subject_close(subject);
            return CLI_USAGE;
        }
    }
    for (size_t i = 0; i < subject->scenario->plant_count; i++) {
        const unsigned plant = subject->scenario->plants[i];
        subject->plants[plant / 64] |= UINT64_C(1) << (plant % 64);
    }
    subject->world = (struct world_spec){.scenario = subject->scenario,
                                         .plants = subject->plants,
                                         .check_every_step = has_every_step};
    world_target(&subject->world, subject->name, &subject->target);
    return 0;
}

void subject_close(struct subject *subject)
{
    scenario_free(subject->scenario);
    subject->scenario = NULL;
}
