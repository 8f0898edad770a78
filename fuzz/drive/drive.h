/*
 * fuzz/drive/drive.h - `heddle fuzz`: what its files share.
 *
 *     heddle_fuzz.c   arguments, the order of things, the summary
 *     libfuzzer.c     one session of libFuzzer
 *     afl.c           one session of AFL++
 *     findings.c      what the session saved: kept, run again, named
 *     small.c         an input made smaller, a corpus made smaller
 *     child.c         processes
 *     files.c         folders, and inputs named by what is in them
 *
 * A session leaves in its folder (--out):
 *
 *     findings/found-HASH   inputs that were findings; the same bytes have the same name
 *     corpus/found-HASH     inputs that reached something new, unless --corpus names a folder
 *     engine.log            what the engine said
 *
 * Threads: main.
 */
#ifndef FUZZ_DRIVE_DRIVE_H
#define FUZZ_DRIVE_DRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/attr.h"
#include "sim/cli/options.h"

enum {
    DRIVE_PATH_BYTES = 4096,
    DRIVE_TITLE_BYTES = 512,
    DRIVE_FINDINGS_MAX = 64,
    DRIVE_INPUTS_MAX = 256, /* run again, to know what they are */
    DRIVE_REPLAYS = 3,      /* of the first input of each finding */
    DRIVE_ARGS_MAX = 64,
    DRIVE_EXTRA_MAX = 32,
    /* As in design.md. */
    EXIT_CLEAN = 0,
    EXIT_FINDING = 1,
    EXIT_USAGE = 2,
    EXIT_BAD_INPUT = 3,
    EXIT_DIVERGED = 4,
    EXIT_CANNOT = 125,
};

#define NS_PER_S UINT64_C(1000000000)

/* One kind of finding: equal titles are one. */
struct drive_finding {
    char title[DRIVE_TITLE_BYTES];
    char path[DRIVE_PATH_BYTES]; /* of the first input */
    unsigned inputs;
    char scenario[DRIVE_PATH_BYTES]; /* what the target wrote of it, "": nothing */
    unsigned replays;                /* how often the input was run alone */
    unsigned replays_same;           /* and made this finding again */
};

struct drive {
    /* Asked for. */
    const char *target;
    const char *engine;
    const char *build;
    const char *program;
    const char *seeds;
    const char *dictionary;
    const char *mutator; /* AFL++'s, NULL: none */
    const char *out;
    const char *corpus_asked;
    const char *also;      /* more inputs, NULL: none; nothing is written there */
    const char *merge_to;  /* instead of a session: the least corpus, to this folder */
    const char *shrink_to; /* likewise: the operand made small, to this file */
    struct option_number time_ns;
    struct option_number seed;
    bool is_keep_going;
    bool is_json;
    bool is_replay;
    bool is_unmeasured; /* stability: it takes longer than a short session */
    bool is_attached;
    bool is_help;
    const char *const *extra; /* arguments of the engine's own */
    size_t extra_count;

    /* Made of it. */
    char corpus[DRIVE_PATH_BYTES];
    char findings_folder[DRIVE_PATH_BYTES];
    char log[DRIVE_PATH_BYTES];
    char scratch[DRIVE_PATH_BYTES];

    /* How far it is. */
    uint64_t begun_ns;
    uint64_t elapsed_ns; /* of the session */
    uint64_t runs;
    uint64_t runs_per_second;
    uint64_t edges;
    uint64_t inputs;       /* of the corpus */
    uint64_t crashes;      /* inputs saved */
    unsigned stability_bp; /* hundredths of a percent */
    bool has_stability;
    struct drive_finding findings[DRIVE_FINDINGS_MAX];
    size_t finding_count;
    size_t unnamed; /* inputs kept that were not run again: there are too many */
};

/* A session: false when the engine could not do its work; `engine.log` says why. */
MUST_CHECK bool drive_libfuzzer(struct drive *drive);
MUST_CHECK bool drive_afl(struct drive *drive);

/* Rewrites the line of progress, if stderr is a terminal. `drive_progress_end` wipes it. */
void drive_progress(const struct drive *drive);
void drive_progress_end(void);

/* SIGINT or SIGTERM came: end the session, then tell what there is, both without delay. */
bool drive_is_interrupted(void);

/* ---- findings.c ---- */

/* Each file of `folder` whose name begins with `prefix` is kept among the findings; those that were
 * only slow are not when they come to an end alone. */
void findings_keep(struct drive *drive, const char *folder, const char *prefix, bool is_slow);

/* Runs the input alone, with what the program says in `log`. True: it ended as a finding does, and
 * `title` names it. */
bool findings_run(const struct drive *drive, const char *path, const char *log,
                  char title[DRIVE_TITLE_BYTES]);

/* The same for a finding that the session found: a scenario that the target writes of it is kept
 * beside it, its path in `scenario`. */
bool findings_run_kept(const struct drive *drive, const char *path, const char *log,
                       char title[DRIVE_TITLE_BYTES], char scenario[DRIVE_PATH_BYTES]);

/* ---- small.c ---- */

/* --merge and --shrink; exit codes. Only libFuzzer can: the file stays as it is under AFL++. */
int small_merge(struct drive *drive);
int small_shrink(struct drive *drive, const char *file);

/* ---- child.c ---- */

/* To be called before there are children: from now on a session is broken off, and tells nothing,
 * when whoever started this process has ended or was killed, or it is interrupted. */
void child_watch_parent(void);

struct child_io {
    int out;     /* both outputs; -1: /dev/null */
    bool is_new; /* a group of its own: killed with all of its own children */
};

/* -1 when it cannot be started. `args` ends with NULL. */
pid_t child_start(const char *const *args, const struct child_io *io);

/* Its status as of waitpid(), or -1 when `limit_ns` passed and it had to be killed, with its group
 * if it leads one; after an interrupt that is soon. */
int child_wait(pid_t pid, uint64_t limit_ns);

/* Ends what the ended children of this process have left running. */
void child_end_orphans(void);

/* Has it ended? Then *status is set. */
bool child_is_over(pid_t pid, int *status);

uint64_t drive_now_ns(void);

/* A setting of the engine, unless the caller has one of his own. */
void drive_setenv(const char *name, const char *value);

/* Likewise of the sanitizers: reports in full. */
void drive_set_sanitizers(void);

/* ---- files.c ---- */

/* Joins with a '/'; exits when that is too long. */
void path_join(char out[DRIVE_PATH_BYTES], const char *folder, const char *name);

/* With the folders above it. */
MUST_CHECK bool folder_make(const char *path);
void folder_remove(const char *path);

/* Calls `take` for each visible file, in order of names; how many there were. */
size_t folder_each(const char *path,
                   void (*take)(void *context, const char *path, const char *name), void *context);

/* Copies the file to FOLDER/found-HASH, unless that is there; its path to `out`, if not NULL. */
MUST_CHECK bool file_keep(const char *from, const char *folder, char *out);

MUST_CHECK bool file_copy(const char *from, const char *to);
uint64_t file_bytes(const char *path);

#endif
