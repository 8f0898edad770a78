/*
 * fuzz/campaign/child.c - see child.h.
 */
#include "fuzz/campaign/child.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/base/real.h"
#include "sim/cli/cli.h"
#include "sim/cli/files.h"

enum { REMOVE_FDS = 16, GOODBYE_LOOKS = 100 };

#define GOODBYE_LOOK_NS 20000000

bool child_find_tool(const char *build, char out[PATH_MAX])
{
    if (strcmp(build, cli_build()) == 0) {
        const ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - 1);
        out[len < 0 ? 0 : len] = '\0';
        return len > 0;
    }
    snprintf(out, PATH_MAX, "%s/.bazel/%s-bin/sim/cli/heddle", files_root(), build);
    return access(out, X_OK) == 0;
}

bool child_find_fuzzer(const char *target, const char *engine, const char *build,
                       char out[PATH_MAX])
{
    const bool is_plain = strcmp(build, "plain") == 0;

    snprintf(out, PATH_MAX, "%s/.bazel/%s%s%s-bin/fuzz/%s_fuzz_test_run", files_root(),
             is_plain ? "" : build, is_plain ? "" : "-", engine, target);
    return access(out, X_OK) == 0;
}

void child_prepare(struct child *child, const char *tool, const char *command)
{
    child->word_count = 0;
    child->text_count = 0;
    child->time_ns_max = 0;
    child->setting_count = 0;
    child->is_late = false;
    child->is_session = false;
    child->is_cleared = false;
    child_word(child, tool);
    if (command != NULL)
        child_word(child, command);
}

void child_setting(struct child *child, const char *name, const char *value)
{
    if (child->setting_count + 2 > CHILD_SETTINGS_MAX)
        abort();
    child->settings[child->setting_count++] = name;
    child->settings[child->setting_count++] = value;
}

void child_word(struct child *child, const char *word)
{
    if (child->word_count + 1 >= CHILD_WORDS_MAX) {
        cli_say("too many words for one command: fewer plants");
        exit(CLI_CANNOT);
    }
    child->words[child->word_count++] = word;
    child->words[child->word_count] = NULL;
}

void child_number(struct child *child, const char *option, uint64_t value)
{
    char *text = child->texts[child->text_count++];

    snprintf(text, CHILD_WORD_BYTES, "%" PRIu64, value);
    child_word(child, option);
    child_word(child, text);
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    return ftw->level == 0 ? 0 : remove(path);
}

bool child_clear(struct child *child)
{
    if (mkdir(child->folder, 0777) != 0 && errno != EEXIST) {
        cli_say("%s: %s", child->folder, strerror(errno));
        return false;
    }
    /* A process of a campaign that was killed may still write there: what it leaves harms nobody,
     * for the folders of sessions are named after the campaign's process. */
    (void)nftw(child->folder, remove_one, REMOVE_FDS, FTW_DEPTH | FTW_PHYS);
    child->is_cleared = true;
    return true;
}

static void redirect(const char *folder, const char *name, int fd)
{
    char path[PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 || dup2(file, fd) < 0)
        _exit(CLI_CANNOT);
    close(file);
}

_Noreturn static void become(struct child *child, pid_t parent)
{
    const int nothing = open("/dev/null", O_RDONLY);

    /* What is killed with the campaign has told nobody anything yet. */
    prctl(PR_SET_PDEATHSIG, child->is_session ? SIGTERM : SIGKILL);
    for (unsigned i = 0; i < child->setting_count; i += 2)
        if (setenv(child->settings[i], child->settings[i + 1], 1) != 0)
            _exit(CLI_CANNOT);
    if (getppid() != parent || nothing < 0)
        _exit(CLI_CANNOT);
    (void)dup2(nothing, STDIN_FILENO);
    redirect(child->folder, "out", STDOUT_FILENO);
    redirect(child->folder, "err", STDERR_FILENO);
    execv(child->words[0], (char *const *)child->words);
    perror(child->words[0]);
    _exit(CLI_CANNOT);
}

bool child_start(struct child *child)
{
    const pid_t parent = getpid();

    if (!child->is_cleared && !child_clear(child))
        return false;
    fflush(NULL);
    child->began_ns = real_now_ns();
    child->pid = fork();
    if (child->pid == 0)
        become(child, parent);
    if (child->pid > 0)
        return true;
    cli_say("cannot start a process: %s", strerror(errno));
    child->pid = 0;
    return false;
}

/* A session is asked first: it ends the engine's processes. */
static void end(const struct child *child)
{
    const struct timespec pause = {.tv_nsec = GOODBYE_LOOK_NS};
    siginfo_t info = {0};

    if (child->is_session) {
        kill(child->pid, SIGTERM);
        for (unsigned i = 0; i < GOODBYE_LOOKS; i++) {
            if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
                info.si_pid == child->pid)
                return;
            nanosleep(&pause, NULL);
        }
    }
    kill(child->pid, SIGKILL);
}

bool child_reap(struct child *child)
{
    int status;

    if (child->time_ns_max != 0 && !child->is_late &&
        real_now_ns() - child->began_ns > child->time_ns_max) {
        child->is_late = true;
        end(child);
    }
    if (waitpid(child->pid, &status, WNOHANG) != child->pid)
        return false;
    child->pid = 0;
    child->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return true;
}

void child_kill(struct child *child)
{
    if (child->pid == 0)
        return;
    end(child);
    (void)waitpid(child->pid, NULL, 0);
    child->pid = 0;
}

void child_last_line(const struct child *child, struct buffer *out)
{
    char path[PATH_MAX + 16];
    struct buffer text = {0};

    buffer_clear(out);
    buffer_append_text(out, "");
    snprintf(path, sizeof(path), "%s/out", child->folder);
    if (access(path, R_OK) == 0 && files_read(path, &text) && text.len > 0 &&
        text.data[text.len - 1] == '\n') {
        text.data[--text.len] = '\0';
        const char *line = strrchr(text.data, '\n');
        buffer_append_text(out, line == NULL ? text.data : line + 1);
    }
    buffer_fini(&text);
}

void child_complaint(const struct child *child, char *out, size_t out_bytes)
{
    char path[PATH_MAX + 16];
    FILE *file;

    if (child->is_late)
        snprintf(out, out_bytes, "it took too long");
    else if (child->exit_code < 0)
        snprintf(out, out_bytes, "signal %d (%s)", -child->exit_code, strsignal(-child->exit_code));
    else
        snprintf(out, out_bytes, "exit code %d", child->exit_code);
    snprintf(path, sizeof(path), "%s/err", child->folder);
    file = fopen(path, "re");
    if (file == NULL)
        return;
    char line[256];
    if (fgets(line, sizeof(line), file) != NULL) {
        const size_t len = strlen(out);
        line[strcspn(line, "\n")] = '\0';
        snprintf(out + len, out_bytes - len, ": %s", line);
    }
    fclose(file);
}
