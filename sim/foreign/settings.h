/*
 * sim/foreign/settings.h - what a program can change about its process besides memory: environment,
 * locale, and what libc keeps between calls of getopt() and strtok().
 *
 * Owner: the process.  Threads: one; between runs.
 */
#ifndef SIM_FOREIGN_SETTINGS_H
#define SIM_FOREIGN_SETTINGS_H

/* As they are when main() is about to start. Once. */
void settings_keep(void);

/* Puts back what the last run changed. */
void settings_restore(void);

/* For a search for leaks: what putenv() was given. */
void settings_reach(void);

#endif
