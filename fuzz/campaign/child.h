/*
 * fuzz/campaign/child.h - the tool itself, started for one piece of work: whatever becomes of it,
 * the campaign goes on.
 *
 * Owner: the caller's storage.  Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_CHILD_H
#define FUZZ_CAMPAIGN_CHILD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sim/input/buffer.h"

enum { CHILD_WORDS_MAX = 96, CHILD_WORD_BYTES = 64, CHILD_SETTINGS_MAX = 8 };

struct child {
    pid_t pid; /* 0: nothing runs here */
    unsigned slot;
    uint64_t began_ns;
    uint64_t time_ns_max; /* then it is killed; 0: never */
    bool is_late;
    int exit_code;         /* filled by child_reap(); -N: signal N */
    char folder[PATH_MAX]; /* its scratch: FOLDER/work/SLOT */
    const char *words[CHILD_WORDS_MAX];
    unsigned word_count;
    char texts[8][CHILD_WORD_BYTES]; /* of numbers */
    unsigned text_count;
    const char *settings[CHILD_SETTINGS_MAX]; /* of its environment: NAME, VALUE by turns */
    unsigned setting_count;
    bool is_session; /* an engine's: it has processes of its own, and ends them when it is told */
    bool is_cleared;
};

/* Where the tool of `build` is; false when it is not built. */
bool child_find_tool(const char *build, char out[PATH_MAX]);

/* Where the fuzzer of `target` is. */
bool child_find_fuzzer(const char *target, const char *engine, const char *build,
                       char out[PATH_MAX]);

/* Begins a command line: `tool`, `command`. What words point to stays the caller's. */
/* Without a command: NULL. */
void child_prepare(struct child *child, const char *tool, const char *command);
void child_word(struct child *child, const char *word);
void child_number(struct child *child, const char *option, uint64_t value);

void child_setting(struct child *child, const char *name, const char *value);

/* Empties the scratch folder, for files that the program is to find there. */
bool child_clear(struct child *child);

/* Empties the scratch folder, unless that was done, and starts the program; its output goes there.
 * False after a message. */
bool child_start(struct child *child);
/* True when it has ended. */
bool child_reap(struct child *child);
void child_kill(struct child *child);

/* The last line of its output that is there whole; "" when there is none. */
void child_last_line(const struct child *child, struct buffer *out);
/* What it complained about: the first line of its messages. */
void child_complaint(const struct child *child, char *out, size_t out_bytes);

#endif
