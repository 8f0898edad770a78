/*
 * fuzz/target/config.c - a configuration that is read is printed and read again to the same, and
 * one that is refused is refused at a place, for a reason.
 *
 * Threads: main.
 */
#include <stdlib.h>
#include <string.h>

#include "core/proxy/config.h"
#include "fuzz/engine/finding.h"

enum { PRINT_BYTES = 1 << 20, ERROR_BYTES = 4096 };

static void check_error(const struct config_error *error)
{
    static char text[ERROR_BYTES];

    FINDING_UNLESS(error->message[0] != '\0', "config: what is refused is refused for a reason");
    FINDING_UNLESS(config_error_print(error, text, sizeof(text)) <= sizeof(text),
                   "config: an error fits where it is printed");
    FINDING_UNLESS(error->caret <= strlen(error->source), "config: the caret is under the line");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct config first, second;
    static struct config_error error;
    char *text = malloc(PRINT_BYTES), *again = malloc(PRINT_BYTES);

    if (text == NULL || again == NULL)
        abort();
    memset(&error, 0, sizeof(error));
    if (!config_parse((const char *)data, len, "input", 1, &first, &error)) {
        check_error(&error);
    } else {
        size_t text_len = config_print(&first, text, PRINT_BYTES);
        FINDING_UNLESS(text_len < PRINT_BYTES, "config: the text of it has a bound");
        FINDING_UNLESS(config_parse(text, text_len, "printed", 1, &second, &error),
                       "config: what is printed can be parsed");
        size_t again_len = config_print(&second, again, PRINT_BYTES);
        FINDING_UNLESS(again_len == text_len && memcmp(text, again, text_len) == 0,
                       "config: print(parse(print(c))) = print(c)");
    }
    free(text);
    free(again);
    return 0;
}
