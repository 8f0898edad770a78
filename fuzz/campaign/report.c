/*
 * fuzz/campaign/report.c - heddle campaign report: one page, and the same for programs.
 */
#include "fuzz/campaign/campaign.h"

int campaign_report(const char *folder)
{
    (void)folder;
    return 0;
}
