#include "sim/input/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"
#include "sim/input/wire.h"

/* At most one byte more than a scenario can have: enough to see that it is too long. */
static bool read_file(const char *path, struct buffer *bytes, FILE *errors)
{
    bool is_input = strcmp(path, "-") == 0;
    FILE *file = is_input ? stdin : fopen(path, "rb");
    char block[16384];
    size_t len;

    if (file == NULL) {
        fprintf(errors, "%s: %s\n", path, strerror(errno));
        return false;
    }
    errno = 0;
    while (bytes->len <= SCENARIO_TEXT_BYTES_MAX &&
           (len = fread(block, 1, sizeof(block), file)) > 0)
        buffer_append(bytes, block, len);
    bool is_read = ferror(file) == 0;
    if (!is_read)
        fprintf(errors, "%s: %s\n", path, strerror(errno));
    if (!is_input)
        (void)fclose(file);
    return is_read;
}

static bool is_binary(const struct buffer *bytes)
{
    return bytes->len >= WIRE_MAGIC_BYTES && memcmp(bytes->data, WIRE_MAGIC, WIRE_MAGIC_BYTES) == 0;
}

/* `wants_checked`: also what only shows when nodes are configured. */
static bool load(const char *path, const struct buffer *bytes, bool wants_checked,
                 struct scenario **out, FILE *errors)
{
    struct diagnostics *diag = malloc(sizeof(*diag));
    const char *text = bytes->len == 0 ? "" : bytes->data;
    const char *name = strcmp(path, "-") == 0 ? "<stdin>" : path;
    bool is_good = true;

    if (diag == NULL)
        abort();
    diagnostics_init(diag);
    if (is_binary(bytes))
        *out = scenario_decode((const uint8_t *)text, bytes->len);
    else
        is_good = scenario_parse(text, bytes->len, name, out, diag);
    if (is_good && wants_checked) {
        bool has_lines = !is_binary(bytes);
        diagnostics_begin(diag, name, has_lines ? text : NULL, has_lines ? bytes->len : 0);
        is_good = scenario_check_semantics(*out, diag);
        diagnostics_end(diag);
    }
    diagnostics_print(diag, errors);
    free(diag);
    if (!is_good) {
        scenario_free(*out);
        *out = NULL;
    }
    return is_good;
}

bool input_load_file(const char *path, struct scenario **out, FILE *errors)
{
    struct buffer bytes = {0};

    *out = NULL;
    bool is_good = read_file(path, &bytes, errors) && load(path, &bytes, true, out, errors);
    buffer_fini(&bytes);
    return is_good;
}

bool input_check_file(const char *path, FILE *errors)
{
    struct scenario *scenario;
    bool is_good = input_load_file(path, &scenario, errors);

    scenario_free(scenario);
    return is_good;
}

static bool write_all(const struct buffer *bytes, FILE *out, const char *name, FILE *errors)
{
    if (fwrite(bytes->data, 1, bytes->len, out) == bytes->len && fflush(out) == 0)
        return true;
    fprintf(errors, "%s: %s\n", name, strerror(errno));
    return false;
}

/* Beside the file first, so that a full disk leaves it as it was. */
static bool replace_file(const char *path, const struct buffer *bytes, FILE *errors)
{
    struct buffer beside = {0};
    bool is_done = false;

    buffer_printf(&beside, "%s.fmt", path);
    FILE *file = fopen(beside.data, "wb");
    if (file == NULL) {
        fprintf(errors, "%s: %s\n", beside.data, strerror(errno));
        goto end;
    }
    is_done = write_all(bytes, file, beside.data, errors);
    is_done = fclose(file) == 0 && is_done;
    if (is_done && rename(beside.data, path) != 0) {
        fprintf(errors, "%s: %s\n", path, strerror(errno));
        is_done = false;
    }
    if (!is_done)
        (void)remove(beside.data);
end:
    buffer_fini(&beside);
    return is_done;
}

/* Reads one form, writes another. */
static bool convert(const char *path, void (*print)(const struct scenario *, struct buffer *),
                    bool is_total, FILE *out, FILE *errors)
{
    struct buffer bytes = {0};
    struct buffer printed = {0};
    struct scenario *scenario = NULL;
    bool is_good = read_file(path, &bytes, errors);

    if (is_good && is_total)
        scenario = scenario_decode((const uint8_t *)bytes.data, bytes.len);
    else if (is_good)
        is_good = load(path, &bytes, false, &scenario, errors);
    if (is_good) {
        print(scenario, &printed);
        bool is_same =
            bytes.len == printed.len && memcmp(bytes.data, printed.data, printed.len) == 0;
        if (out != NULL)
            is_good = write_all(&printed, out, "output", errors);
        else if (!is_same)
            is_good = replace_file(path, &printed, errors);
    }
    scenario_free(scenario);
    buffer_fini(&printed);
    buffer_fini(&bytes);
    return is_good;
}

bool input_fmt_file(const char *path, FILE *out, FILE *errors)
{
    if (out == NULL && strcmp(path, "-") == 0)
        out = stdout;
    return convert(path, scenario_print, false, out, errors);
}

bool input_encode_file(const char *path, FILE *out, FILE *errors)
{
    return convert(path, scenario_encode, false, out, errors);
}

bool input_decode_file(const char *path, FILE *out, FILE *errors)
{
    return convert(path, scenario_print, true, out, errors);
}
