/*
 * sim/cli/many.c - see many.h.
 */
#include "sim/cli/many.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/cli/files.h"
#include "sim/input/buffer.h"
#include "sim/report/symbols.h"

void many_note(struct ci_case *record, const struct finding *finding, uint64_t schedule,
               const char *reproducer)
{
    const struct symbol *symbol = finding->pc == NULL ? NULL : symbols_lookup(finding->pc);

    if (record->finding_count == CI_FINDINGS_MAX)
        return;
    struct ci_finding *out = &record->findings[record->finding_count++];
    out->kind = finding->kind;
    out->schedule = schedule;
    snprintf(out->title, sizeof(out->title), "%s", finding->title);
    snprintf(out->detail, sizeof(out->detail), "%s", finding->detail);
    snprintf(out->reproducer, sizeof(out->reproducer), "%s", reproducer == NULL ? "" : reproducer);
    if (symbol != NULL && symbol->line != 0) {
        snprintf(out->function, sizeof(out->function), "%s", symbol->function);
        snprintf(out->file, sizeof(out->file), "%s", symbol->file);
        out->line = symbol->line;
    }
}

/* One target after another could find what the one before left in this process. */
static int run_apart(const char *target, struct ci_case *record,
                     int (*explore)(void *context, const char *target, struct ci_case *record),
                     void *context)
{
    const pid_t parent = getpid();
    int status = 0;

    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int exit_code = getppid() == parent ? explore(context, target, record) : CLI_CANNOT;
        fflush(NULL);
        _exit(exit_code);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        cli_say("%s: the process that explored it died", target);
        snprintf(record->problem, sizeof(record->problem), "the process that explored it died");
        return CLI_CANNOT;
    }
    return WEXITSTATUS(status);
}

static bool write_report(const char *path, const struct ci_case *cases, size_t count,
                         void (*print)(const struct ci_case *cases, size_t count,
                                       struct buffer *out))
{
    struct buffer text = {0};

    if (path == NULL)
        return true;
    print(cases, count, &text);
    const bool is_good = files_write(path, text.data, text.len);
    buffer_fini(&text);
    return is_good;
}

int many_run(const char *const *targets, size_t count, const struct many_reports *reports,
             int (*explore)(void *context, const char *target, struct ci_case *record),
             void *context)
{
    const size_t bytes = (count + 1) * sizeof(struct ci_case);
    struct ci_case *cases =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int worst = CLI_NOTHING;

    if (cases == MAP_FAILED)
        abort();
    for (size_t i = 0; i < count; i++) {
        struct ci_case *record = &cases[i];
        snprintf(record->target, sizeof(record->target), "%s", targets[i]);
        const int exit_code = count == 1 ? explore(context, targets[i], record)
                                         : run_apart(targets[i], record, explore, context);
        if (exit_code != CLI_NOTHING && exit_code != CLI_FOUND && record->problem[0] == '\0')
            snprintf(record->problem, sizeof(record->problem), "exit code %d", exit_code);
        if (exit_code > worst)
            worst = exit_code;
    }
    if (!write_report(reports->junit, cases, count, ci_print_junit) ||
        !write_report(reports->sarif, cases, count, ci_print_sarif))
        worst = CLI_CANNOT;
    if (reports->has_github)
        ci_print_github(cases, count, stdout);
    munmap(cases, bytes);
    return worst;
}
