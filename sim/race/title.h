/*
 * sim/race/title.h - the title of a data race, once its addresses are names.
 *
 * Threads: any; pure.
 */
#ifndef SIM_RACE_TITLE_H
#define SIM_RACE_TITLE_H

/* "data-race in g / f" becomes "data-race in f / g", so that one race has one title whichever side
 * came first. In place, after the escapes have been replaced; any other title is left alone. */
void race_title_sort(char *title);

#endif
