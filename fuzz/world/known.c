/*
 * fuzz/world/known.c - see known.h.
 */
#include "fuzz/world/known.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sched/sched.h"

enum { PASSED_MAX = 256, TITLES_MAX = 1024 };

static struct {
    char *titles[TITLES_MAX];
    size_t title_count;
    char passed[PASSED_MAX][FINDING_TITLE_BYTES];
    size_t passed_count;
} known;

void known_load(const char *path)
{
    char line[FINDING_TITLE_BYTES + 1];
    FILE *file = path == NULL ? NULL : fopen(path, "re");

    while (file != NULL && known.title_count < TITLES_MAX &&
           fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        known.titles[known.title_count] = strdup(line);
        if (known.titles[known.title_count] == NULL)
            abort();
        known.title_count++;
    }
    if (file != NULL)
        fclose(file);
}

bool known_is_passed(const char *raw)
{
    for (size_t i = 0; i < known.passed_count; i++)
        if (strcmp(known.passed[i], raw) == 0)
            return true;
    return false;
}

bool known_pass(const char *title, const char *raw)
{
    for (size_t i = 0; i < known.title_count; i++) {
        if (strcmp(known.titles[i], title) != 0)
            continue;
        if (known.passed_count < PASSED_MAX)
            snprintf(known.passed[known.passed_count++], FINDING_TITLE_BYTES, "%s", raw);
        return true;
    }
    return false;
}
