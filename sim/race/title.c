/*
 * sim/race/title.c - see title.h.
 */
#include "sim/race/title.h"

#include <string.h>

static void reverse(char *from, char *to)
{
    while (from < to) {
        char kept = *from;
        *from++ = *--to;
        *to = kept;
    }
}

void race_title_sort(char *title)
{
    static const char prefix[] = "data-race in ";
    static const char between[] = " / ";

    if (strncmp(title, prefix, sizeof(prefix) - 1) != 0)
        return;
    char *first = title + sizeof(prefix) - 1;
    char *second = strstr(first, between);
    if (second == NULL)
        return;
    second += sizeof(between) - 1;
    char *first_end = second - (sizeof(between) - 1);
    char *end = second + strlen(second);
    size_t first_len = (size_t)(first_end - first);
    size_t second_len = (size_t)(end - second);
    int order = strncmp(first, second, first_len < second_len ? first_len : second_len);
    if (order < 0 || (order == 0 && first_len <= second_len))
        return;
    /* The whole backwards, then each part forwards again. */
    reverse(first, end);
    reverse(first, first + second_len);
    reverse(first + second_len, end - first_len);
    reverse(end - first_len, end);
}
