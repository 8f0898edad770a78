#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/drive/drive.h"

enum { LINE_BYTES = 2048 };

#define RUN_NS_MAX (120 * NS_PER_S)
#define NAMING_NS_MAX (20 * NS_PER_S)

/* Where reports say in one line what they are about; the first that is there is the title. */
static const char *const marks[] = {"finding: ", "SUMMARY: ", "runtime error: ", "ERROR: "};

static void cut_title(char title[DRIVE_TITLE_BYTES], const char *text)
{
    size_t len = strcspn(text, "\r\n");

    snprintf(title, DRIVE_TITLE_BYTES, "%.*s", (int)(len < DRIVE_TITLE_BYTES ? len : 0), text);
}

static void find_title(const char *log, int status, char title[DRIVE_TITLE_BYTES])
{
    FILE *file = fopen(log, "r");
    char line[LINE_BYTES];
    size_t best = ARRAY_LEN(marks);

    if (status == -1)
        snprintf(title, DRIVE_TITLE_BYTES, "hang: no end within %u s",
                 (unsigned)(RUN_NS_MAX / NS_PER_S));
    else if (WIFSIGNALED(status))
        snprintf(title, DRIVE_TITLE_BYTES, "crash: %s", strsignal(WTERMSIG(status)));
    else
        snprintf(title, DRIVE_TITLE_BYTES, "crash: status %d", WEXITSTATUS(status));
    while (file != NULL && best > 0 && fgets(line, sizeof(line), file) != NULL) {
        for (size_t i = 0; i < best; i++) {
            const char *at = strstr(line, marks[i]);
            /* Engines sum up an abort of ours as a deadly signal. */
            if (at == NULL || strstr(at, "deadly signal") != NULL)
                continue;
            cut_title(title, at + strlen(marks[i]));
            best = i;
        }
    }
    if (file != NULL)
        fclose(file);
}

bool findings_run(const struct drive *drive, const char *path, const char *log,
                  char title[DRIVE_TITLE_BYTES])
{
    const char *args[] = {drive->program, path, NULL};
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    struct child_io io = {.out = fd};
    pid_t pid = fd < 0 ? -1 : child_start(args, &io);

    if (fd >= 0)
        close(fd);
    if (pid < 0) {
        fprintf(stderr, "heddle: cannot run %s\n", drive->program);
        exit(EXIT_CANNOT);
    }
    int status = child_wait(pid, RUN_NS_MAX);
    title[0] = '\0';
    if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    find_title(log, status, title);
    return true;
}

static void keep_scenario(void *context, const char *path, const char *name)
{
    char *kept = context;
    size_t len = strlen(name);

    if (len > 4 && strcmp(name + len - 4, ".scn") == 0 && !file_copy(path, kept))
        kept[0] = '\0';
}

bool findings_run_kept(const struct drive *drive, const char *path, const char *log,
                       char title[DRIVE_TITLE_BYTES], char scenario[DRIVE_PATH_BYTES])
{
    char folder[DRIVE_PATH_BYTES];

    path_join(folder, drive->scratch, "scenario");
    folder_remove(folder);
    if (!folder_make(folder) || setenv("HEDDLE_FUZZ_OUT", folder, 1) != 0)
        abort();
    bool is_found = findings_run(drive, path, log, title);
    unsetenv("HEDDLE_FUZZ_OUT");
    snprintf(scenario, DRIVE_PATH_BYTES, "%.*s.scn", DRIVE_PATH_BYTES - 5, path);
    (void)unlink(scenario);
    (void)folder_each(folder, keep_scenario, scenario);
    if (access(scenario, R_OK) != 0)
        scenario[0] = '\0';
    return is_found;
}

/* Every run of it has to be the same finding. */
static void replay_more(const struct drive *drive, struct drive_finding *finding, const char *log)
{
    /* A campaign does that by itself. */
    const unsigned replays = drive->is_attached ? 1 : DRIVE_REPLAYS;
    char title[DRIVE_TITLE_BYTES];

    while (finding->replays < replays && !drive_is_interrupted()) {
        finding->replays++;
        finding->replays_same +=
            findings_run(drive, finding->path, log, title) && strcmp(title, finding->title) == 0;
    }
}

static void note_finding(struct drive *drive, const char *path, bool is_slow)
{
    char log[DRIVE_PATH_BYTES];
    char title[DRIVE_TITLE_BYTES];
    char scenario[DRIVE_PATH_BYTES];
    struct drive_finding *finding = drive->findings;
    struct drive_finding *end = finding + drive->finding_count;

    snprintf(log, sizeof(log), "%.*s.log", (int)sizeof(log) - 5, path);
    bool is_again = findings_run_kept(drive, path, log, title, scenario);
    if (!is_again && is_slow) {
        drive->crashes--;
        (void)unlink(path);
        (void)unlink(log);
        return;
    }
    if (!is_again)
        snprintf(title, sizeof(title), "not again: the input alone is no finding");
    while (finding < end && strcmp(finding->title, title) != 0)
        finding++;
    if (finding == drive->findings + DRIVE_FINDINGS_MAX)
        return;
    finding->inputs++;
    if (finding < end)
        return;
    drive->finding_count++;
    memcpy(finding->title, title, sizeof(title));
    snprintf(finding->path, sizeof(finding->path), "%s", path);
    memcpy(finding->scenario, scenario, sizeof(scenario));
    finding->replays = 1;
    finding->replays_same = is_again;
    if (is_again)
        replay_more(drive, finding, log);
}

struct keep {
    struct drive *drive;
    const char *prefix;
    bool is_slow;
};

/* A campaign has other work; what is not looked at is found again. */
static bool is_late(const struct drive *drive)
{
    return drive->is_attached && drive->finding_count > 0 &&
           drive_now_ns() - drive->begun_ns > drive->elapsed_ns + NAMING_NS_MAX;
}

static void keep_one(void *context, const char *path, const char *name)
{
    struct keep *keep = context;
    char kept[DRIVE_PATH_BYTES];

    if (strncmp(name, keep->prefix, strlen(keep->prefix)) != 0)
        return;
    if (!file_keep(path, keep->drive->findings_folder, kept)) {
        fprintf(stderr, "heddle: cannot keep %s\n", path);
        return;
    }
    struct drive *drive = keep->drive;
    drive->crashes++;
    if (drive->crashes <= DRIVE_INPUTS_MAX && !is_late(drive) &&
        (drive->crashes == 1 || !drive_is_interrupted()))
        note_finding(drive, kept, keep->is_slow);
    else
        drive->unnamed++;
}

void findings_keep(struct drive *drive, const char *folder, const char *prefix, bool is_slow)
{
    struct keep keep = {drive, prefix, is_slow};

    (void)folder_each(folder, keep_one, &keep);
}
