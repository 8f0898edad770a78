/*
 * sim/foreign/settings.c - see settings.h.
 *
 * The calls that change something are wrapped to say so: most runs change nothing, and asking the
 * system would cost more than the rest of a restart.
 */
#include "sim/foreign/settings.h"

#include <getopt.h>
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/memory/heap.h"
#include "sim/sched/sched.h"

char *__real_setlocale(int category, const char *name);
char *__wrap_setlocale(int category, const char *name);
char *__real_strtok(char *text, const char *separators);
char *__wrap_strtok(char *text, const char *separators);

static struct {
    char **environment; /* the array itself */
    char **kept;        /* what it held, and the NULL after */
    size_t count;
    char *locale;
    bool has_locale;
    bool has_token;
} settings;

static char *copy_text(const char *text)
{
    char *copy = strdup(text == NULL ? "C" : text);

    if (copy == NULL)
        abort();
    return copy;
}

void settings_keep(void)
{
    settings.environment = environ;
    while (environ[settings.count] != NULL)
        settings.count++;
    settings.count++;
    settings.kept = calloc(settings.count, sizeof(char *));
    if (settings.kept == NULL)
        abort();
    memcpy((void *)settings.kept, (const void *)environ, settings.count * sizeof(char *));
    settings.locale = copy_text(setlocale(LC_ALL, NULL));
}

void settings_restore(void)
{
    environ = settings.environment;
    memcpy((void *)environ, (const void *)settings.kept, settings.count * sizeof(char *));
    if (optind != 1) { /* 0 makes the next call forget the words it was in */
        char *const none[] = {NULL};
        optind = 0;
        optind = getopt(0, none, "") == -1 ? 1 : optind;
        opterr = 1;
        optopt = '?';
        optarg = NULL;
    }
    if (settings.has_locale)
        (void)setlocale(LC_ALL, settings.locale);
    if (settings.has_token) {
        char empty[] = "";
        (void)strtok(empty, " ");
    }
    settings.has_locale = false;
    settings.has_token = false;
}

void settings_reach(void)
{
    size_t count = 0;

    while (environ != NULL && environ[count] != NULL)
        count++;
    heap_reach((const void *)environ, count * sizeof(char *));
}

char *__wrap_setlocale(int category, const char *name)
{
    settings.has_locale |= sched_is_simulated() && name != NULL;
    return __real_setlocale(category, name);
}

char *__wrap_strtok(char *text, const char *separators)
{
    settings.has_token |= sched_is_simulated();
    return __real_strtok(text, separators);
}
