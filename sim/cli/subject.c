/*
 * sim/cli/subject.c - see subject.h.
 */
#include "sim/cli/subject.h"

#include <string.h>

#include "sim/cli/files.h"
#include "sim/cli/program.h"
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

/* A program by itself: the scenario that says so is made up. */
static bool make_scenario(struct subject *subject, const struct operands *targets)
{
    struct diagnostics diag;
    struct buffer text = {0};

    diagnostics_init(&diag);
    bool is_good = program_scenario(subject->path, targets->items + 1, targets->count - 1, &text) &&
                   scenario_parse(text.data, text.len, subject->path, &subject->scenario, &diag);
    diagnostics_print(&diag, stderr);
    buffer_fini(&text);
    return is_good;
}

static int read_target(struct subject *subject, const struct command *command,
                       const struct operands *targets)
{
    files_find_scenario(subject->name, subject->path, sizeof(subject->path));
    if (program_is_executable(subject->path))
        return make_scenario(subject, targets) ? 0 : CLI_INPUT;
    if (program_is_script(subject->path)) {
        cli_say("%s is a script; name a scenario or a program built with heddle cc", subject->path);
        return CLI_INPUT;
    }
    if (targets->count > 1)
        return cli_usage(command, "what is '%s'? Only a program has arguments", targets->items[1]);
    return subject_read(subject->path, true, &subject->scenario) ? 0 : CLI_INPUT;
}

/* A program that nobody talks to ends by itself, and so does its run. */
static bool is_by_itself(const struct scenario *scenario)
{
    return scenario->actor_count == 1 && scenario->event_count == 0 && scenario->setup.count == 0;
}

/* What there is to run, and by whom. */
static int aim(struct subject *subject, const struct scenario *scenario, bool has_every_step)
{
    const struct scenario_value *words = program_words(scenario);

    if (words != NULL) {
        program_fill(words, subject->path, &subject->program);
        const int exit_code = program_enter(subject->program.path);
        if (exit_code != 0)
            return exit_code;
    }
    if (words != NULL && is_by_itself(scenario)) {
        foreign_target(&subject->program, subject->name, &subject->target);
        return 0;
    }
    subject->world = (struct world_spec){
        .scenario = scenario, .plants = subject->plants, .check_every_step = has_every_step};
    world_target(&subject->world, subject->name, &subject->target);
    return 0;
}

int subject_open(struct subject *subject, const struct command *command,
                 const struct operands *targets, const struct option_list *plants,
                 bool has_every_step)
{
    memset(subject, 0, sizeof(*subject));
    subject->name = targets->items[0];
    int exit_code = read_target(subject, command, targets);
    for (size_t i = 0; exit_code == 0 && plants != NULL && i < plants->count; i++)
        if (!add_plant(subject, command, plants->items[i]))
            exit_code = CLI_USAGE;
    if (exit_code == 0) {
        for (size_t i = 0; i < subject->scenario->plant_count; i++) {
            const unsigned plant = subject->scenario->plants[i];
            subject->plants[plant / 64] |= UINT64_C(1) << (plant % 64);
        }
        exit_code = aim(subject, subject->scenario, has_every_step);
    }
    if (exit_code != 0)
        subject_close(subject);
    return exit_code;
}

bool subject_retarget(struct subject *subject, const struct scenario *scenario)
{
    return aim(subject, scenario, subject->world.check_every_step) == 0;
}

void subject_close(struct subject *subject)
{
    scenario_free(subject->scenario);
    subject->scenario = NULL;
}
