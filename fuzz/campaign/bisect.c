/*
 * fuzz/campaign/bisect.c - heddle campaign bisect: which commit brought each open finding.
 *
 * One replay a revision, in a work tree of its own below the campaign's folder, by the launcher of
 * that revision, which builds it. Both ends are asked first: what is older than the first one, or
 * not in the last, has no answer between them. sim/report/BISECT.md says what a replay can tell.
 *
 * Every answer is kept as it comes; what has one for these revisions is not asked again.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/campaign/bisect.h"
#include "fuzz/campaign/campaign.h"
#include "sim/cli/cli.h"
#include "sim/cli/files.h"

enum { LOOK_NS = 50000000, REVISION_BYTES = 128, ANSWER_BYTES = 512, TITLES_MAX = 256 };
enum { KEY_BYTES = FINDING_TITLE_BYTES + 16 };

struct bisection {
    struct store store;
    struct child child;
    char folder[PATH_MAX]; /* the campaign's, absolute */
    char tree[PATH_MAX];
    char launcher[PATH_MAX];
    char good[REVISION_BYTES], bad[REVISION_BYTES];
    char range[2 * REVISION_BYTES + 4];
};

/* ---- running things ---- */

/* The exit code, or minus a signal. */
static int wait_for(struct child *child)
{
    const struct timespec pause = {.tv_nsec = LOOK_NS};

    if (!child_start(child))
        return CLI_CANNOT;
    while (!child_reap(child))
        nanosleep(&pause, NULL);
    return child->exit_code;
}

/* git -C FOLDER WORD..., NULL at the end. */
static int git(struct bisection *bisection, const char *folder, ...)
{
    va_list words;

    child_prepare(&bisection->child, "/usr/bin/env", "git");
    child_word(&bisection->child, "-C");
    child_word(&bisection->child, folder);
    va_start(words, folder);
    for (const char *word = va_arg(words, const char *); word != NULL;
         word = va_arg(words, const char *))
        child_word(&bisection->child, word);
    va_end(words);
    return wait_for(&bisection->child);
}

/* What the last one printed, without the newline at its end. */
static void read_output(const struct bisection *bisection, struct buffer *out)
{
    char path[PATH_MAX + 16];

    buffer_clear(out);
    snprintf(path, sizeof(path), "%s/out", bisection->child.folder);
    (void)files_read(path, out);
    buffer_append_text(out, "");
    if (out->len > 0 && out->data[out->len - 1] == '\n')
        out->data[--out->len] = '\0';
}

static int replay_at(struct bisection *bisection, const char *revision, const char *file,
                     const char *build)
{
    if (git(bisection, bisection->tree, "checkout", "-q", "--detach", revision, NULL) != 0)
        return CLI_CANNOT;
    child_prepare(&bisection->child, bisection->launcher, "replay");
    child_word(&bisection->child, file);
    child_word(&bisection->child, "--bisect");
    child_word(&bisection->child, "--build");
    child_word(&bisection->child, build);
    return wait_for(&bisection->child);
}

/* ---- a finding ---- */

/* "COMMIT is the first bad commit", with its subject; else why there is none. */
static void read_answer(struct bisection *bisection, char out[ANSWER_BYTES])
{
    static const char said[] = " is the first bad commit";
    char commit[REVISION_BYTES];
    struct buffer text = {0};

    read_output(bisection, &text);
    const char *at = strstr(text.data, said);
    if (at == NULL) {
        snprintf(out, ANSWER_BYTES,
                 "no single commit: the others around it cannot be built or judged");
    } else {
        const char *start = at;
        while (start > text.data && start[-1] != '\n')
            start--;
        snprintf(commit, sizeof(commit), "%.*s", (int)(at - start), start);
        (void)git(bisection, bisection->tree, "show", "-s", "--format=%h %s", commit, NULL);
        read_output(bisection, &text);
        snprintf(out, ANSWER_BYTES, "brought by %s", text.data);
    }
    buffer_fini(&text);
}

static void search(struct bisection *bisection, const char *file, const char *build,
                   char out[ANSWER_BYTES])
{
    const int at_bad = replay_at(bisection, bisection->bad, file, build);
    const int at_good = replay_at(bisection, bisection->good, file, build);

    if (at_bad == CLI_NOTHING)
        snprintf(out, ANSWER_BYTES, "%s does not show it", bisection->bad);
    else if (at_good == CLI_FOUND)
        snprintf(out, ANSWER_BYTES, "%s shows it already", bisection->good);
    else if (at_bad != CLI_FOUND || at_good != CLI_NOTHING)
        snprintf(out, ANSWER_BYTES, "%s cannot be built or judged",
                 at_bad != CLI_FOUND ? bisection->bad : bisection->good);
    if (at_bad != CLI_FOUND || at_good != CLI_NOTHING)
        return;
    (void)git(bisection, bisection->tree, "bisect", "start", bisection->bad, bisection->good, NULL);
    (void)git(bisection, bisection->tree, "bisect", "run", bisection->launcher, "replay", file,
              "--bisect", "--build", build, NULL);
    read_answer(bisection, out);
    (void)git(bisection, bisection->tree, "bisect", "reset", NULL);
}

static void make_key(const char *title, char out[KEY_BYTES])
{
    snprintf(out, KEY_BYTES, "bisect:%s", title);
}

static void keep_answer(struct bisection *bisection, const char *title, const char *answer)
{
    char key[KEY_BYTES];
    char value[ANSWER_BYTES + sizeof(bisection->range) + 2];

    make_key(title, key);
    snprintf(value, sizeof(value), "%s: %s", bisection->range, answer);
    store_set_meta(&bisection->store, key, value);
}

bool bisect_answer(struct store *store, const char *title, char *out, size_t out_bytes)
{
    char key[KEY_BYTES];

    make_key(title, key);
    return store_meta(store, key, out, out_bytes);
}

/* Whether it was asked of these revisions already. */
static bool has_answer(struct bisection *bisection, const char *title)
{
    const size_t len = strlen(bisection->range);
    char value[ANSWER_BYTES + sizeof(bisection->range) + 2];

    return bisect_answer(&bisection->store, title, value, sizeof(value)) &&
           strncmp(value, bisection->range, len) == 0 && value[len] == ':';
}

static void search_finding(struct bisection *bisection, const char *title, const char *name,
                           const char *build)
{
    char file[PATH_MAX];
    char answer[ANSWER_BYTES];

    store_path(&bisection->store, name, "min.scn", file);
    if (access(file, R_OK) != 0)
        store_path(&bisection->store, name, "found.scn", file);
    if (access(file, R_OK) != 0)
        return; /* an input of a fuzz target: no scenario */
    printf("%s\n", title);
    fflush(stdout);
    search(bisection, file, build, answer);
    printf("  %s\n", answer);
    fflush(stdout);
    keep_answer(bisection, title, answer);
}

/* ---- all of them ---- */

/* The first title of each entry that is open. */
static void search_all(struct bisection *bisection)
{
    static struct {
        char title[FINDING_TITLE_BYTES];
        char name[STORE_NAME_BYTES];
        char build[32];
    } items[TITLES_MAX];
    size_t count = 0;
    sqlite3_stmt *rows = store_query(
        &bisection->store,
        "SELECT title, name, build FROM finding WHERE state = 'open' AND title = entry ORDER BY "
        "title",
        "");

    while (store_next(&bisection->store, rows)) {
        if (count == TITLES_MAX || has_answer(bisection, store_text(rows, 0)))
            continue;
        snprintf(items[count].title, sizeof(items[count].title), "%s", store_text(rows, 0));
        snprintf(items[count].name, sizeof(items[count].name), "%s", store_text(rows, 1));
        snprintf(items[count].build, sizeof(items[count].build), "%s", store_text(rows, 2));
        count++;
    }
    for (size_t i = 0; i < count; i++)
        search_finding(bisection, items[i].title, items[i].name, items[i].build);
    if (count == 0)
        printf("nothing to bisect: every open finding has an answer\n");
}

/* Fixed names for the ends: what a branch is may change meanwhile. */
static bool resolve(struct bisection *bisection, const char *text, char out[REVISION_BYTES])
{
    struct buffer name = {0};
    const bool is_good =
        git(bisection, files_root(), "rev-parse", "--short", "--verify", text, NULL) == 0;

    read_output(bisection, &name);
    snprintf(out, REVISION_BYTES, "%s", name.data);
    buffer_fini(&name);
    if (!is_good)
        cli_say("'%s' is no revision here", text);
    return is_good;
}

static bool choose_range(struct bisection *bisection, const char *text)
{
    char good[REVISION_BYTES];
    char bad[REVISION_BYTES];
    const char *dots = strstr(text, "..");

    if (dots == NULL || dots == text || strlen(text) >= REVISION_BYTES) {
        cli_say("'%s' is not GOOD..BAD", text);
        return false;
    }
    snprintf(good, sizeof(good), "%.*s^{commit}", (int)(dots - text), text);
    snprintf(bad, sizeof(bad), "%s^{commit}", dots[2] == '\0' ? "HEAD" : dots + 2);
    if (!resolve(bisection, good, bisection->good) || !resolve(bisection, bad, bisection->bad))
        return false;
    snprintf(bisection->range, sizeof(bisection->range), "%s..%s", bisection->good, bisection->bad);
    return true;
}

/* One that was killed may have left its tree. */
static void remove_tree(struct bisection *bisection)
{
    (void)git(bisection, files_root(), "worktree", "remove", "--force", bisection->tree, NULL);
    (void)git(bisection, files_root(), "worktree", "prune", NULL);
}

static int bisect(struct bisection *bisection, const char *range)
{
    if (!choose_range(bisection, range))
        return CLI_USAGE;
    remove_tree(bisection);
    if (git(bisection, files_root(), "worktree", "add", "--detach", bisection->tree, bisection->bad,
            NULL) != 0) {
        char why[CAMPAIGN_PROBLEM_BYTES];
        child_complaint(&bisection->child, why, sizeof(why));
        cli_say("no work tree: %s", why);
        return CLI_CANNOT;
    }
    search_all(bisection);
    remove_tree(bisection);
    return CLI_NOTHING;
}

int campaign_bisect(const char *folder, const char *range)
{
    static struct bisection bisection;

    if (realpath(folder, bisection.folder) == NULL) {
        cli_say("%s: no campaign", folder);
        return CLI_INPUT;
    }
    if (!store_open(&bisection.store, bisection.folder, true))
        return CLI_CANNOT;
    snprintf(bisection.tree, sizeof(bisection.tree), "%.*s/work/tree", PATH_MAX - 32,
             bisection.folder);
    snprintf(bisection.launcher, sizeof(bisection.launcher), "%.*s/heddle", PATH_MAX - 32,
             bisection.tree);
    snprintf(bisection.child.folder, sizeof(bisection.child.folder), "%.*s/work/bisect",
             PATH_MAX - 32, bisection.folder);
    const int exit_code = bisect(&bisection, range);
    store_close(&bisection.store);
    return exit_code;
}
