/*
 * fuzz/campaign/view.h - the block of lines that is rewritten while a campaign runs; nothing when
 * piped.
 *
 * Owner: the caller's storage.  Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_VIEW_H
#define FUZZ_CAMPAIGN_VIEW_H

#include <stdbool.h>
#include <stdint.h>

struct campaign;

struct view {
    bool is_on;
    unsigned width;
    unsigned lines; /* on the screen */
};

void view_begin(struct view *view);
void view_show(struct view *view, struct campaign *campaign);
/* Wipes the block. */
void view_end(struct view *view);

#endif
