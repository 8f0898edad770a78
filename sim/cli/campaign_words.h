/*
 * sim/cli/campaign_words.h - what `heddle campaign` was asked for, and who does it.
 *
 * Campaigns are in fuzz/campaign, which the tool links and programs of the user's do not.
 *
 * Threads: one.
 */
#ifndef SIM_CLI_CAMPAIGN_WORDS_H
#define SIM_CLI_CAMPAIGN_WORDS_H

#include "sim/cli/cli.h"
#include "sim/cli/shard.h"

struct campaign_words {
    const char *out; /* NULL: not said */
    struct option_number time_ns;
    struct option_number jobs;
    const char *shard_text;
    struct shard_choice shard;
};

/* `operands`: run PLAN, status DIR, report DIR, merge OUT DIR..., bisect DIR GOOD..BAD. The exit
 * code. NULL in a program of the user's. */
__attribute__((weak)) int campaign_main(const struct command *command,
                                        const struct campaign_words *words,
                                        const struct operands *operands);

#endif
