/*
 * fuzz/engine/seeds.c - a folder of fuzz inputs from files that people write.
 *
 *     seeds [--text] OUT FILE...
 *
 *     area/slug.scn   a scenario: OUT/area-slug, encoded; with --text as it is
 *     slug.bytes      bytes as scenarios write them, "GET /\r\n" and x"00 ff", and # comments:
 * OUT/slug slug            OUT/slug, as it is
 *
 * Status 1 and a message when a file is none of these, or two would have one name.
 *
 * Threads: main.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"

enum { PATH_BYTES = 4096, NAME_BYTES = 256, FILE_BYTES_MAX = 1 << 20 };

NORETURN static void fail(const char *path, const char *what)
{
    fprintf(stderr, "seeds: %s: %s\n", path, what);
    exit(1);
}

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *data = malloc(FILE_BYTES_MAX + 1);

    if (file == NULL || data == NULL)
        fail(path, "cannot be read");
    *len = fread(data, 1, FILE_BYTES_MAX + 1, file);
    if (ferror(file) || *len > FILE_BYTES_MAX)
        fail(path, "cannot be read, or is longer than a megabyte");
    fclose(file);
    return data;
}

static void write_seed(const char *folder, const char *name, const void *data, size_t len)
{
    char path[PATH_BYTES];

    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        fail(name, "the path is too long");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        fail(path, "cannot be made: is there another of that name?");
    if (write(fd, data, len) != (ssize_t)len || close(fd) != 0)
        fail(path, "cannot be written");
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t len = strlen(text), suffix_len = strlen(suffix);

    return len > suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

/* ---- slug.bytes ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Two digits at `at`, or an error. */
static char hex_byte(const char *path, const char *at)
{
    int high = hex_value(at[0]);
    int low = high < 0 ? -1 : hex_value(at[1]);

    if (low < 0)
        fail(path, "two hexadecimal digits are wanted");
    return (char)(high << 4 | low);
}

/* Behind x": up to and with the closing quote. */
static const char *put_hex(const char *path, const char *at, struct buffer *out)
{
    for (; *at != '"'; at++) {
        if (isspace((unsigned char)*at))
            continue;
        char byte = hex_byte(path, at);
        buffer_append(out, &byte, 1);
        at++;
    }
    return at + 1;
}

/* Behind a quote: likewise. */
static const char *put_text(const char *path, const char *at, struct buffer *out)
{
    for (; *at != '"'; at++) {
        char byte = *at;

        if (byte == '\0' || byte == '\n')
            fail(path, "a text does not end");
        if (byte == '\\') {
            static const char letters[] = "rnt0\\\"", values[] = "\r\n\t\0\\\"";
            const char *letter = at[1] == '\0' ? NULL : strchr(letters, at[1]);

            if (letter != NULL)
                byte = values[letter - letters];
            else if (at[1] == 'x')
                byte = hex_byte(path, at + 2);
            else
                fail(path, "an escape is none of \\r \\n \\t \\0 \\\\ \\\" \\xHH");
            at += at[1] == 'x' ? 3 : 1;
        }
        buffer_append(out, &byte, 1);
    }
    return at + 1;
}

static void parse_bytes(const char *path, const char *at, struct buffer *out)
{
    for (;;) {
        if (isspace((unsigned char)*at))
            at++;
        else if (*at == '#')
            at += strcspn(at, "\n");
        else if (at[0] == 'x' && at[1] == '"')
            at = put_hex(path, at + 2, out);
        else if (*at == '"')
            at = put_text(path, at + 1, out);
        else if (*at == '\0')
            return;
        else
            fail(path, "\"text\", x\"0f\" or # is wanted");
    }
}

/* ---- area/slug.scn ---- */

static void encode(const char *path, const char *text, size_t len, struct buffer *out)
{
    struct diagnostics *diag = malloc(sizeof(*diag));
    struct scenario *scenario;

    if (diag == NULL)
        abort();
    diagnostics_init(diag);
    if (!scenario_parse(text, len, path, &scenario, diag)) {
        diagnostics_print(diag, stderr);
        fail(path, "is no scenario");
    }
    scenario_encode(scenario, out);
    scenario_free(scenario);
    free(diag);
}

/* "area-slug" of ".../area/slug.scn", "slug" of others. */
static void name_seed(const char *path, bool is_scenario, char name[NAME_BYTES])
{
    const char *slug = strrchr(path, '/');
    const char *begin = slug == NULL ? path : slug + 1;

    if (is_scenario && slug != NULL) {
        const char *at = slug;
        while (at > path && at[-1] != '/')
            at--;
        begin = at;
    }
    if (snprintf(name, NAME_BYTES, "%s", begin) >= NAME_BYTES)
        fail(path, "the name is too long");
    for (char *at = strchr(name, '/'); at != NULL; at = strchr(at, '/'))
        *at = '-';
    if (is_scenario || has_suffix(name, ".bytes"))
        *strrchr(name, '.') = '\0';
}

static void make_seed(const char *folder, const char *path, bool is_text)
{
    struct buffer out = {0};
    char name[NAME_BYTES];
    size_t len;
    char *data = read_file(path, &len);
    bool is_scenario = has_suffix(path, ".scn");

    data[len] = '\0';
    name_seed(path, is_scenario, name);
    if (is_scenario && !is_text)
        encode(path, data, len, &out);
    else if (has_suffix(path, ".bytes"))
        parse_bytes(path, data, &out);
    else
        buffer_append(&out, data, len);
    write_seed(folder, name, out.data, out.len);
    buffer_fini(&out);
    free(data);
}

int main(int argc, char **argv)
{
    bool is_text = argc > 1 && strcmp(argv[1], "--text") == 0;
    int at = is_text ? 2 : 1;

    if (argc - at < 2) {
        fprintf(stderr, "usage: %s [--text] OUT FILE...\n", argv[0]);
        return 2;
    }
    for (int i = at + 1; i < argc; i++)
        make_seed(argv[at], argv[i], is_text);
    return 0;
}
