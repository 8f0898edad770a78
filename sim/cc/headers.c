/*
 * sim/cc/headers.c - see headers.h.
 */
#include "sim/cc/headers.h"

#include <stdlib.h>
#include <string.h>

#include "sim/cc/assembly.h"

enum { FILES_MAX = 4096 };

struct search {
    struct words folders; /* of -I and -iquote */
    struct words files;   /* found so far: each is read once */
    bool may_hold;
};

static void add_folders(struct search *search, const struct words *words)
{
    static const char *const options[] = {"-I", "-iquote"};

    for (size_t i = 0; i < words->count; i++) {
        for (size_t j = 0; j < sizeof(options) / sizeof(options[0]); j++) {
            if (!words_has_prefix(words->items[i], options[j]))
                continue;
            const char *rest = words->items[i] + strlen(options[j]);
            if (*rest == '\0' && i + 1 < words->count)
                rest = words->items[i + 1];
            words_add(&search->folders, rest);
        }
        if (cc_takes_next_word(words->items[i]))
            i++;
    }
}

static bool add_file(struct search *search, const char *path)
{
    size_t len = 0;

    for (size_t i = 0; i < search->files.count; i++)
        if (strcmp(search->files.items[i], path) == 0)
            return true;
    char *text = words_read_file(path, &len);
    if (text == NULL)
        return false;
    search->may_hold |= assembly_is_mentioned(text, len);
    free(text);
    if (search->files.count == FILES_MAX)
        search->may_hold = true; /* too many to look at all */
    else
        words_add(&search->files, path);
    return true;
}

static void find_header(struct search *search, const char *includer, const char *name, size_t len,
                        bool is_quoted)
{
    const char *slash = strrchr(includer, '/');
    const size_t folder_len = slash == NULL ? 0 : (size_t)(slash + 1 - includer);

    if (is_quoted &&
        add_file(search, words_format("%.*s%.*s", (int)folder_len, includer, (int)len, name)))
        return;
    for (size_t i = 0; i < search->folders.count; i++)
        if (add_file(search, words_format("%s/%.*s", search->folders.items[i], (int)len, name)))
            return;
}

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* `line` may be an #include; it is ended by a line end or by a zero. */
static void read_line(struct search *search, const char *includer, const char *line)
{
    const char *at = skip_blanks(line);

    if (*at != '#')
        return;
    at = skip_blanks(at + 1);
    if (!words_has_prefix(at, "include") && !words_has_prefix(at, "import"))
        return;
    at += strcspn(at, " \t\n\"<");
    at = skip_blanks(at);
    if (*at == '"' || *at == '<')
        find_header(search, includer, at + 1, strcspn(at + 1, "\">\n"), *at == '"');
    else
        search->may_hold = true; /* a macro */
}

static void read_includes(struct search *search, const char *path)
{
    size_t len = 0;
    char *text = words_read_file(path, &len);

    for (const char *line = text; line != NULL && !search->may_hold;) {
        read_line(search, path, line);
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    free(text);
}

/* -include FILE */
static void add_forced(struct search *search, const struct words *words)
{
    for (size_t i = 0; i + 1 < words->count; i++)
        if (strcmp(words->items[i], "-include") == 0 || strcmp(words->items[i], "-imacros") == 0)
            find_header(search, "", words->items[i + 1], strlen(words->items[i + 1]), true);
}

bool headers_may_hold_assembly(const struct cc_arguments *arguments, const char *source)
{
    struct search search = {0};

    add_folders(&search, &arguments->words);
    (void)add_file(&search, source);
    add_forced(&search, &arguments->words);
    for (size_t i = 0; i < search.files.count && !search.may_hold; i++)
        read_includes(&search, search.files.items[i]);
    return search.may_hold;
}
