/*
 * fuzz/campaign/run.c - heddle campaign run: keeps every slot busy until the budget is spent.
 *
 * Findings come before trials; what is running when the time is over is waited for. When a campaign
 * has ended, the next run goes on with new trials and the same time again; when it was killed, with
 * what was left.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/view.h"
#include "sim/base/real.h"
#include "sim/cli/campaign_words.h"
#include "sim/cli/cli.h"
#include "sim/cli/files.h"

enum { LOOK_NS = 20000000, VIEW_NS = 500000000 };

/* Ctrl-C and a batch system's SIGTERM: as a kill, but nothing is left running. */
static volatile sig_atomic_t is_stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    is_stopped = 1;
}

uint64_t campaign_elapsed_ns(const struct campaign *campaign)
{
    return campaign->elapsed_before + (real_now_ns() - campaign->began_ns);
}

bool campaign_is_over(const struct campaign *campaign)
{
    return campaign->time_ns_max != 0 && campaign_elapsed_ns(campaign) >= campaign->time_ns_max;
}

/* ---- opening ---- */

/* What this program is made of. */
static void identify(char out[32])
{
    const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat info;
    uint64_t hash = 0;

    if (fd >= 0 && fstat(fd, &info) == 0 && info.st_size > 0) {
        const size_t size = (size_t)info.st_size;
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data != MAP_FAILED) {
            hash = XXH64(data, size, 0);
            munmap(data, size);
        }
    }
    if (fd >= 0)
        close(fd);
    snprintf(out, 32, "%016" PRIx64, hash);
}

static uint64_t today(void)
{
    const time_t now = time(NULL);
    struct tm day;

    gmtime_r(&now, &day);
    return (uint64_t)(day.tm_year + 1900) * 10000 + (uint64_t)(day.tm_mon + 1) * 100 +
           (uint64_t)day.tm_mday;
}

/* What makes trial N of a job what it is; the same folder cannot hold two. */
static void describe_identity(const struct campaign *campaign, struct buffer *out)
{
    const struct campaign_plan *plan = &campaign->plan;

    buffer_printf(out, "points %s", plan->has_memory ? "memory" : "sync");
    for (size_t i = 0; i < plan->plants.count; i++)
        buffer_printf(out, " plant %s", plan->plants.items[i]);
    if (plan->is_seed_given)
        buffer_printf(out, " seed %" PRIu64, plan->seed);
}

/* The seed of a campaign without one is the day on which it was begun. */
static bool settle_identity(struct campaign *campaign)
{
    struct buffer identity = {0};
    char text[4096];
    bool is_good = true;

    describe_identity(campaign, &identity);
    if (!store_meta(&campaign->store, "identity", text, sizeof(text))) {
        char seed[32];
        if (!campaign->plan.is_seed_given)
            campaign->plan.seed = today();
        snprintf(seed, sizeof(seed), "%" PRIu64, campaign->plan.seed);
        store_begin(&campaign->store);
        store_set_meta(&campaign->store, "identity", identity.data);
        store_set_meta(&campaign->store, "seed", seed);
        store_set_meta(&campaign->store, "shard", campaign->shard_text);
        store_set_meta(&campaign->store, "plan", campaign->plan.text.data);
        store_commit(&campaign->store);
    } else if (strcmp(text, identity.data) != 0) {
        cli_say("%s holds another campaign (%s): choose another --out", campaign->store.folder,
                text);
        is_good = false;
    } else if (store_meta(&campaign->store, "shard", text, sizeof(text)) &&
               strcmp(text, campaign->shard_text) != 0) {
        cli_say("%s holds shard %s: choose another --out", campaign->store.folder, text);
        is_good = false;
    } else if (store_meta(&campaign->store, "seed", text, sizeof(text))) {
        (void)options_parse_number(text, &campaign->plan.seed);
    }
    buffer_fini(&identity);
    return is_good;
}

/* A campaign that ended gets its time anew; one that was killed has what is left. */
static void settle_time(struct campaign *campaign)
{
    char text[32];
    uint64_t elapsed_ms = 0;

    if (store_meta(&campaign->store, "ended", text, sizeof(text)) && strcmp(text, "yes") == 0) {
        store_begin(&campaign->store);
        store_set_meta(&campaign->store, "elapsed_ms", "0");
        store_set_meta(&campaign->store, "ended", "no");
        store_commit(&campaign->store);
    } else if (store_meta(&campaign->store, "elapsed_ms", text, sizeof(text))) {
        (void)options_parse_number(text, &elapsed_ms);
    }
    campaign->elapsed_before = elapsed_ms * 1000000;
    campaign->began_ns = real_now_ns();
}

/* ---- running ---- */

/* False: there is nothing to do now. */
static bool start_task(struct campaign *campaign, struct task *task)
{
    if (triage_start(campaign, task))
        return true;
    task->kind = TASK_NONE;
    if (corpus_task_start(campaign, task))
        return true;
    task->kind = TASK_NONE;
    return slice_start(campaign, task);
}

static void end_task(struct campaign *campaign, struct task *task)
{
    if (task->kind == TASK_SLICE)
        slice_end(campaign, task);
    else if (task->kind == TASK_MERGE)
        corpus_task_end(campaign, task);
    else
        triage_end(campaign, task);
    task->kind = TASK_NONE;
}

/* How many are at work after each slot was looked at once. */
static unsigned turn(struct campaign *campaign)
{
    unsigned busy = 0;

    for (unsigned i = 0; i < campaign->slot_count; i++) {
        struct task *task = &campaign->tasks[i];
        if (task->kind != TASK_NONE && child_reap(&task->child))
            end_task(campaign, task);
        if (task->kind == TASK_NONE && !start_task(campaign, task))
            continue;
        busy++;
    }
    return busy;
}

static void work(struct campaign *campaign)
{
    const struct timespec pause = {.tv_nsec = LOOK_NS};
    struct view view;
    uint64_t shown_ns = 0;

    view_begin(&view);
    while (!is_stopped && turn(campaign) > 0) {
        if (real_now_ns() - shown_ns >= VIEW_NS) {
            shown_ns = real_now_ns();
            view_show(&view, campaign);
        }
        nanosleep(&pause, NULL);
    }
    view_end(&view);
    for (unsigned i = 0; i < campaign->slot_count; i++)
        child_kill(&campaign->tasks[i].child);
    if (!is_stopped)
        store_set_meta(&campaign->store, "ended", "yes");
}

static int judge(struct campaign *campaign)
{
    struct store *store = &campaign->store;

    if (is_stopped)
        return CLI_CANNOT;
    if (store_number(store, 0, "SELECT count(*) FROM finding WHERE state = 'unstable'", "") > 0)
        return CLI_DIVERGED;
    if (store_number(store, 0, "SELECT count(*) FROM finding WHERE state <> 'closed'", "") > 0)
        return CLI_FOUND;
    if (store_number(store, 0, "SELECT count(*) FROM job WHERE problem IS NOT NULL", "") > 0)
        return CLI_CANNOT;
    return CLI_NOTHING;
}

static int read_plan(struct campaign *campaign, const char *name)
{
    struct buffer text = {0};
    struct buffer error = {0};
    bool is_good = files_read(name, &text);

    if (is_good) {
        buffer_append_text(&text, "");
        is_good = campaign_plan_parse(&campaign->plan, name, text.data, files_root(), &error);
        if (!is_good)
            fprintf(stderr, "%s", error.data);
    }
    buffer_fini(&error);
    buffer_fini(&text);
    return is_good ? 0 : CLI_INPUT;
}

static void name_folder(const struct campaign_words *words, const char *plan, char out[PATH_MAX])
{
    const char *slash = strrchr(plan, '/');
    const char *base = slash == NULL ? plan : slash + 1;

    if (words->out != NULL)
        snprintf(out, PATH_MAX, "%s", words->out);
    else
        snprintf(out, PATH_MAX, "heddle-out/%.*s", (int)strcspn(base, "."), base);
}

static void prepare(struct campaign *campaign, const struct campaign_words *words)
{
    const struct sigaction action = {.sa_handler = stop};

    if (words->time_ns.is_given)
        campaign->plan.time_ns = words->time_ns.value;
    campaign->time_ns_max = campaign->plan.time_ns;
    campaign->slot_count = words->jobs.is_given ? (unsigned)words->jobs.value
                                                : (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    if (campaign->slot_count > CAMPAIGN_SLOTS_MAX)
        campaign->slot_count = CAMPAIGN_SLOTS_MAX;
    for (unsigned i = 0; i < campaign->slot_count; i++) {
        struct child *child = &campaign->tasks[i].child;
        child->slot = i;
        snprintf(child->folder, sizeof(child->folder), "%.*s/work/%u", PATH_MAX - 32,
                 campaign->store.folder, i);
    }
    snprintf(campaign->shard_text, sizeof(campaign->shard_text), "%" PRIu32 "/%" PRIu32,
             campaign->shard.index, campaign->shard.count);
    identify(campaign->build_id);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

static void fini(struct campaign *campaign)
{
    jobs_close(campaign);
    campaign_plan_fini(&campaign->plan);
}

int campaign_run(const struct campaign_words *words, const char *plan)
{
    static struct campaign campaign;
    char folder[PATH_MAX];

    campaign.shard = words->shard;
    int exit_code = read_plan(&campaign, plan);
    name_folder(words, plan, folder);
    if (exit_code == 0 && !store_open(&campaign.store, folder, true))
        exit_code = CLI_CANNOT;
    if (exit_code == 0) {
        prepare(&campaign, words);
        if (settle_identity(&campaign)) {
            settle_time(&campaign);
            jobs_open(&campaign);
            work(&campaign);
            exit_code = judge(&campaign);
        } else {
            exit_code = CLI_USAGE;
        }
        store_close(&campaign.store);
        if (exit_code != CLI_USAGE && !is_stopped) {
            (void)campaign_status(folder);
            if (campaign_report(folder) != 0 && exit_code == 0)
                exit_code = CLI_CANNOT;
        }
    }
    fini(&campaign);
    return exit_code;
}
