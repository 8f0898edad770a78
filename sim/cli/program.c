/*
 * sim/cli/program.c - see program.h.
 */
#include "sim/cli/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/cli/binary.h"
#include "sim/cli/cli.h"
#include "sim/foreign/words.h"
#include "sim/input/buffer.h"

static struct {
    char **argv;
} program;

void program_remember_words(int argc, char **argv)
{
    (void)argc;
    program.argv = argv;
}

bool program_is_executable(const char *path)
{
    char magic[4] = {0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    const bool is_elf =
        read(fd, magic, sizeof(magic)) == sizeof(magic) && memcmp(magic, "\177ELF", 4) == 0;
    close(fd);
    return is_elf;
}

bool program_is_script(const char *path)
{
    char magic[2] = {0};
    const int fd = access(path, X_OK) == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return false;
    const bool is_script =
        read(fd, magic, sizeof(magic)) == sizeof(magic) && memcmp(magic, "#!", sizeof(magic)) == 0;
    close(fd);
    return is_script;
}

bool program_scenario(const char *path, const char *const *args, size_t arg_count,
                      struct buffer *out)
{
    buffer_printf(out, "node program\n    program");
    for (size_t i = 0; i <= arg_count; i++) {
        const char *text = i == 0 ? path : args[i - 1];
        char *word = malloc(3 * strlen(text) + 4);
        if (word == NULL)
            abort();
        word_encode(text, word);
        buffer_printf(out, " %s", word);
        free(word);
    }
    buffer_append_byte(out, '\n');
    return true;
}

const struct scenario_value *program_words(const struct scenario *scenario)
{
    static const char keyword[] = "program";

    for (size_t i = 0; i < scenario->actor_count; i++) {
        const struct scenario_actor *actor = &scenario->actors[i];
        for (size_t j = 0; actor->kind == ACTOR_NODE && j < actor->directive_count; j++) {
            const struct scenario_line *line = &scenario->lines[actor->directive_lines[j]];
            const struct scenario_value *words = SCENARIO_ARG(line, DIRECTIVE, WORDS);
            if (words->word_count > 1 && words->words[0].text.len == strlen(keyword) &&
                memcmp(words->words[0].text.data, keyword, strlen(keyword)) == 0)
                return words;
        }
    }
    return NULL;
}

static bool is_self(const char *path)
{
    struct stat own;
    struct stat other;

    return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 &&
           own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* For the program that is started next. What the loader would look up at the first call of a
 * function it looks up at once: a restart would make it forget. */
static bool take_over(void)
{
    return setenv(FOREIGN_VARIABLE, "1", 1) == 0 && setenv(FOREIGN_BIND_VARIABLE, "1", 1) == 0;
}

int program_enter(const char *path)
{
    if (foreign_is_here() && is_self(path))
        return 0;
    if (foreign_is_here()) {
        cli_say("%s: one program at a time; this is another", path);
        return CLI_INPUT;
    }
    const int exit_code = binary_check(path);
    if (exit_code != 0)
        return exit_code;
    char tool[PATH_MAX];
    if (realpath("/proc/self/exe", tool) == NULL)
        tool[0] = '\0';
    if (!take_over() || setenv(PROGRAM_TOOL_VARIABLE, tool, 1) != 0)
        abort();
    (void)execv(path, program.argv);
    cli_say("%s: %s", path, strerror(errno));
    return CLI_INPUT;
}

bool program_ask(const char *question, unsigned seconds_max)
{
    int status;
    const pid_t child = fork();

    if (child < 0)
        return false;
    if (child == 0) {
        const int nowhere = open("/dev/null", O_WRONLY);
        if (nowhere >= 0)
            (void)dup2(nowhere, STDERR_FILENO);
        (void)alarm(seconds_max);
        if (take_over() && setenv(PROGRAM_PROBE_VARIABLE, question, 1) == 0)
            (void)execv("/proc/self/exe", program.argv);
        _exit(1);
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            abort();
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A path is the current folder's, or else the scenario's. */
static const char *find_program(const char *name, const char *scenario_path)
{
    const char *slash = strrchr(scenario_path, '/');
    char path[PATH_MAX];

    if (name[0] == '/' || access(name, F_OK) == 0 || slash == NULL)
        return name;
    (void)snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - scenario_path), scenario_path,
                   name);
    return access(path, F_OK) == 0 ? strdup(path) : name;
}

void program_fill(const struct scenario_value *words, const char *scenario_path,
                  struct foreign_spec *spec)
{
    const char **args = calloc(words->word_count, sizeof(*args));

    if (args == NULL || words->word_count < 2) /* program_words() gives no other */
        abort();
    for (size_t i = 1; i < words->word_count; i++) {
        char *text = malloc(words->words[i].text.len + 1);
        if (text == NULL)
            abort();
        word_decode((const char *)words->words[i].text.data, words->words[i].text.len, text);
        args[i - 1] = text;
    }
    *spec = (struct foreign_spec){.args = args,
                                  .arg_count = (int)words->word_count - 1,
                                  .path = find_program(args[0], scenario_path)};
}
