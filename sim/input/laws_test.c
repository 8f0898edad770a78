/*
 * sim/input/laws_test.c - the laws of text and bytes: over every scenario of the repository (given
 * as arguments), over generated records, and over damaged ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/forms.h"
#include "sim/input/laws.h"
#include "sim/input/scenario.h"
#include "sim/input/wire.h"

enum { GENERATED = 3000, DAMAGED = 200 };

static int file_count;
static char **files;

NORETURN void core_bug(const char *file, int line, const char *func, const char *expr)
{
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, func, expr);
    abort();
}

/* xorshift64*: the same numbers on every machine. */
static uint64_t draw(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static void read_whole(const char *path, struct buffer *out)
{
    char block[4096];
    size_t len;
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        fail_msg("%s is missing", path);
    buffer_clear(out);
    while ((len = fread(block, 1, sizeof(block), file)) > 0)
        buffer_append(out, block, len);
    assert_int_equal(fclose(file), 0);
}

static struct scenario *parse(const char *path, const struct buffer *text)
{
    struct scenario *scenario = NULL;
    struct diagnostics diag;

    diagnostics_init(&diag);
    if (!scenario_parse(text->data, text->len, path, &scenario, &diag)) {
        diagnostics_print(&diag, stderr);
        fail_msg("%s does not parse", path);
    }
    return scenario;
}

static void expect_laws(const char *what, const char *broken)
{
    if (broken != NULL)
        fail_msg("%s: broken: %s", what, broken);
}

static void scenarios_obey(void **state)
{
    struct buffer text = {0};
    struct buffer printed = {0};

    (void)state;
    for (int i = 0; i < file_count; i++) {
        read_whole(files[i], &text);
        struct scenario *scenario = parse(files[i], &text);
        expect_laws(files[i], laws_of_scenario(scenario));
        /* They are kept as fmt writes them. */
        buffer_clear(&printed);
        scenario_print(scenario, &printed);
        if (strcmp(text.data, printed.data) != 0)
            fail_msg("%s is not canonical: run ./heddle fmt -w on it", files[i]);
        scenario_free(scenario);
    }
    buffer_fini(&printed);
    buffer_fini(&text);
}

/* A record of a real form, with a payload of mostly small numbers. */
static void append_record(struct buffer *out, uint64_t *random)
{
    size_t len = draw(random) % 40;
    enum scenario_form form = (enum scenario_form)(draw(random) % (FORM_COUNT + 1));

    buffer_append_byte(out, form == FORM_COUNT ? WIRE_CODE_REMARK : form_info(form)->code);
    buffer_append_byte(out, (uint8_t)len);
    for (size_t i = 0; i < len; i++) {
        uint64_t number = draw(random);
        buffer_append_byte(out, (uint8_t)((number & 256) != 0 ? number : number & 7));
    }
}

static void generated_records_obey(void **state)
{
    uint64_t random = 1;
    struct buffer bytes = {0};
    size_t lines = 0;

    (void)state;
    for (int i = 0; i < GENERATED; i++) {
        buffer_clear(&bytes);
        buffer_append(&bytes, WIRE_MAGIC, WIRE_MAGIC_BYTES);
        /* a node, a client x3 and a server, so that events have somebody to do them */
        buffer_append(&bytes, "\x03\x03\x00\x01p\x05\x0a\x01\x01\x63\x00\x0a\x09\x00\x01\x03\x00",
                      17);
        buffer_append(&bytes, "\x06\x09\x00\x01s\x00\x0a\x00\x01\x01\x50", 11);
        for (uint64_t count = draw(&random) % 30; count > 0; count--)
            append_record(&bytes, &random);
        expect_laws("generated", laws_of_bytes((const uint8_t *)bytes.data, bytes.len));
        struct scenario *scenario = scenario_decode((const uint8_t *)bytes.data, bytes.len);
        assert_true(scenario->actor_count >= 5);
        lines += scenario->line_count;
        scenario_free(scenario);
    }
    /* The generator is of use: most records become lines. */
    assert_true(lines > GENERATED * 8);
    buffer_fini(&bytes);
}

static void damaged_scenarios_obey(void **state)
{
    uint64_t random = 2;
    struct buffer text = {0};
    struct buffer bytes = {0};

    (void)state;
    for (int i = 0; i < file_count; i++) {
        read_whole(files[i], &text);
        struct scenario *scenario = parse(files[i], &text);
        for (int round = 0; round < DAMAGED; round++) {
            buffer_clear(&bytes);
            scenario_encode(scenario, &bytes);
            for (uint64_t count = 1 + draw(&random) % 4; count > 0; count--)
                bytes.data[WIRE_MAGIC_BYTES + draw(&random) % (bytes.len - WIRE_MAGIC_BYTES)] =
                    (char)draw(&random);
            size_t len = (round & 3) == 0 ? draw(&random) % bytes.len : bytes.len;
            expect_laws(files[i], laws_of_bytes((const uint8_t *)bytes.data, len));
        }
        scenario_free(scenario);
    }
    buffer_fini(&bytes);
    buffer_fini(&text);
}

/* The bounds of both directions agree: the largest of bytes still prints as a file. */
static void large_inputs_obey(void **state)
{
    uint64_t random = 3;
    struct buffer bytes = {0};

    (void)state;
    buffer_append(&bytes, WIRE_MAGIC, WIRE_MAGIC_BYTES);
    while (bytes.len < 1 << 20)
        append_record(&bytes, &random);
    expect_laws("many records", laws_of_bytes((const uint8_t *)bytes.data, bytes.len));
    buffer_clear(&bytes);
    while (bytes.len < 1 << 20)
        buffer_append_byte(&bytes, (uint8_t)draw(&random));
    expect_laws("plain bytes", laws_of_bytes((const uint8_t *)bytes.data, bytes.len));
    buffer_fini(&bytes);
}

static void bytes_that_are_no_scenario_are_sent(void **state)
{
    struct scenario *scenario = scenario_decode((const uint8_t *)"GET /", 5);
    const struct scenario_actor *client = scenario_actor(scenario, "c");

    (void)state;
    assert_int_equal(client->script.count, 2);
    assert_int_equal(client->script.events[1].form, FORM_SEND);
    assert_memory_equal(client->script.events[1].wire.data, "GET /", 5);
    scenario_free(scenario);
    scenario = scenario_decode(NULL, 0);
    assert_int_equal(scenario_actor(scenario, "c")->script.count, 1);
    scenario_free(scenario);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios_obey),
        cmocka_unit_test(generated_records_obey),
        cmocka_unit_test(damaged_scenarios_obey),
        cmocka_unit_test(large_inputs_obey),
        cmocka_unit_test(bytes_that_are_no_scenario_are_sent),
    };

    file_count = argc - 1;
    files = argv + 1;
    if (file_count == 0) {
        fprintf(stderr, "usage: laws_test FILE.scn...\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
