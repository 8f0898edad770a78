/*
 * sim/cli/cmd_campaign.c - heddle campaign: searches many scenarios for a night and keeps what came
 * of it.
 */
#include <stddef.h>

#include "sim/cli/campaign_words.h"

enum { JOBS_MAX = 64 };

#define AT(member) offsetof(struct campaign_words, member)
static const struct option_def options[] = {
    {"out", 'o', OPTION_TEXT, "DIR", "where the campaign lives (heddle-out/PLAN)", AT(out)},
    {"time", 0, OPTION_DURATION, "8h", "instead of the plan's time", AT(time_ns)},
    {"jobs", 'j', OPTION_NUMBER, "J", "processes at a time (one a processor)", AT(jobs)},
    {"shard", 0, OPTION_TEXT, "I/N",
     "only trials I, I+N, I+2N... of every job, I from 0; auto or auto/N: from the batch system's "
     "variables",
     AT(shard_text)},
};
#undef AT

static int run(const struct command *command, int argc, char *const *argv)
{
    struct campaign_words words = {0};
    struct operands operands;

    if (!cli_parse(command, argc, argv, &words, &operands, 2, OPERANDS_MAX))
        return CLI_USAGE;
    if (words.jobs.is_given && (words.jobs.value == 0 || words.jobs.value > JOBS_MAX))
        return cli_usage(command, "--jobs: from 1 to %d", JOBS_MAX);
    const int exit_code = shard_choose(command, words.shard_text, &words.shard);
    if (exit_code != 0)
        return exit_code;
    if (campaign_main == NULL) {
        cli_say("campaigns are run by the tool, not by a program");
        return CLI_CANNOT;
    }
    return campaign_main(command, &words, &operands);
}

const struct command cmd_campaign = {
    .name = "campaign",
    .operands = "run PLAN | status DIR | report DIR | merge OUT DIR... | bisect DIR GOOD..BAD",
    .summary = "search many scenarios for a night, and report in the morning",
    .more =
        "run: searches what PLAN says, slice by slice, each in a process of its own. Every "
        "finding\n"
        "is replayed, shrunk and explained, and is one entry however often it is seen. What it "
        "knows\n"
        "is in --out; killed at any moment, the same command goes on. Findings of earlier runs "
        "are\n"
        "checked first and closed when they are mended. A second run goes on with new trials.\n"
        "status: what there is so far, also while it runs. report: DIR/report/index.html and the "
        "same\n"
        "for programs: junit.xml, results.sarif, fuzzer_stats, plot_data, metrics.prom.\n"
        "merge: shards of one campaign (--shard) become what one process would have found.\n"
        "bisect: of each open finding, which commit brought it: one build and one replay a "
        "revision,\n"
        "in a work tree of its own.\n\n"
        "Exit codes: 0 nothing found, 1 a finding is open, 2 usage, 3 a mistake in PLAN, 4 a "
        "finding\n"
        "did not replay, 125 cannot judge.\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
