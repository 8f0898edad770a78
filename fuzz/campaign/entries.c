/*
 * fuzz/campaign/entries.c - see entries.h.
 */
#include "fuzz/campaign/entries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sched/sched.h"

enum { SITES_BYTES = 512 };

struct entry {
    char title[FINDING_TITLE_BYTES];
    char sites[SITES_BYTES]; /* each followed by a space */
    size_t parent;           /* itself: the least of its entry */
};

static bool is_helper(const char *place)
{
    static const char *const folders[] = {"core/base/", "sim/"};

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (strncmp(place, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

void entries_add_site(const char *step, char *out, size_t out_bytes)
{
    for (const char *at = strchr(step, '('); at != NULL; at = strchr(at + 1, '(')) {
        const size_t len = strcspn(at + 1, ")");
        const size_t used = strlen(out);
        if (memchr(at + 1, ':', len) == NULL || is_helper(at + 1))
            continue;
        if (used + len + 2 <= out_bytes)
            snprintf(out + used, out_bytes - used, "%.*s ", (int)len, at + 1);
        return;
    }
}

static bool shares_site(const struct entry *left, const struct entry *right)
{
    for (const char *at = left->sites; *at != '\0';) {
        const size_t len = strcspn(at, " ") + 1;
        for (const char *other = right->sites; *other != '\0'; other += strcspn(other, " ") + 1)
            if (strncmp(at, other, len) == 0)
                return true;
        at += len;
    }
    return false;
}

static size_t root_of(const struct entry *entries, size_t i)
{
    while (entries[i].parent != i)
        i = entries[i].parent;
    return i;
}

/* Entries are sorted by title, so the lower index has the lesser. */
static void join(struct entry *entries, size_t a, size_t b)
{
    const size_t left = root_of(entries, a);
    const size_t right = root_of(entries, b);

    if (left < right)
        entries[right].parent = left;
    else
        entries[left].parent = right;
}

void entries_group(struct store *store)
{
    const size_t count = (size_t)store_number(store, 0, "SELECT count(*) FROM finding", "");
    struct entry *entries = calloc(count + 1, sizeof(*entries));
    size_t filled = 0;

    if (entries == NULL)
        abort();
    sqlite3_stmt *rows = store_query(store, "SELECT title, sites FROM finding ORDER BY title", "");
    while (store_next(store, rows)) {
        if (filled == count)
            continue;
        snprintf(entries[filled].title, FINDING_TITLE_BYTES, "%s", store_text(rows, 0));
        snprintf(entries[filled].sites, SITES_BYTES, "%s", store_text(rows, 1));
        entries[filled].parent = filled;
        filled++;
    }
    for (size_t a = 0; a < filled; a++)
        for (size_t b = a + 1; b < filled; b++)
            if (shares_site(&entries[a], &entries[b]))
                join(entries, a, b);
    for (size_t i = 0; i < filled; i++)
        store_do(store, "UPDATE finding SET entry = ? WHERE title = ?", "ss",
                 entries[root_of(entries, i)].title, entries[i].title);
    free(entries);
}
