/*
 * fuzz/campaign/main.c - heddle campaign WHAT: finds what is to be done.
 */
#include <string.h>

#include "fuzz/campaign/bisect.h"
#include "fuzz/campaign/campaign.h"
#include "sim/cli/campaign_words.h"

int campaign_main(const struct command *command, const struct campaign_words *words,
                  const struct operands *operands)
{
    const char *what = operands->items[0];
    const char *first = operands->items[1];
    const bool is_merge = strcmp(what, "merge") == 0;

    if (strcmp(what, "bisect") == 0 && operands->count == 3)
        return campaign_bisect(first, operands->items[2]);
    if (operands->count > 2 && !is_merge)
        return cli_usage(command, "what is '%s'?", operands->items[2]);
    if (strcmp(what, "run") == 0)
        return campaign_run(words, first);
    if (strcmp(what, "status") == 0)
        return campaign_status(first);
    if (strcmp(what, "report") == 0)
        return campaign_report(first);
    if (strcmp(what, "bisect") == 0)
        return cli_usage(command, "bisect needs DIR and GOOD..BAD");
    if (!is_merge)
        return cli_usage(command, "'%s' is none of run, status, report, merge, bisect", what);
    if (operands->count < 3)
        return cli_usage(command, "merge needs OUT and the folders of the shards");
    return campaign_merge(first, operands->items + 2, operands->count - 2);
}
