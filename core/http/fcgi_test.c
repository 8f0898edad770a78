/*
 * core/http/fcgi_test.c - FastCGI records: what is written is read again, however it is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/fcgi.h"

/* What a reader saw, as text. */
struct seen {
    char text[4096];
    size_t len;
};

static void see(struct seen *seen, const void *data, size_t len)
{
    assert_true(len < sizeof(seen->text) - seen->len);
    memcpy(seen->text + seen->len, data, len);
    seen->len += len;
    seen->text[seen->len] = '\0';
}

static void see_record(struct seen *seen, const struct fcgi_record *record)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "[%s %u %u:", fcgi_type_name(record->type), record->id,
                       record->content_len);

    see(seen, text, (size_t)len);
}

/* Reads `len` bytes; of content at most `take_max` at a time. */
static enum fcgi_event read_all(struct seen *seen, struct fcgi_reader *reader, const uint8_t *data,
                                size_t len, size_t take_max)
{
    size_t used = 0;
    size_t at = 0;

    for (;;) {
        enum fcgi_event event = fcgi_read(reader, data + at, len - at, &used);
        assert_true(used <= len - at);
        switch (event) {
        case FCGI_HEAD:
            see_record(seen, &reader->record);
            break;
        case FCGI_CONTENT:
            used = used < take_max ? used : take_max;
            see(seen, data + at, used);
            fcgi_read_content(reader, used);
            break;
        case FCGI_END:
            see(seen, "]", 1);
            break;
        case FCGI_BAD:
            return event;
        case FCGI_MORE:
            if (at + used == len)
                return event;
            break;
        }
        at += used;
    }
}

static void put_record(struct fcgi_out *out, enum fcgi_type type, uint16_t id, const char *content,
                       uint8_t padding_len)
{
    static const uint8_t padding[255] = {FCGI_VERSION};
    struct fcgi_record record = {.type = (uint8_t)type,
                                 .id = id,
                                 .content_len = (uint16_t)strlen(content),
                                 .padding_len = padding_len};

    fcgi_put_head(out, &record);
    fcgi_put(out, content, strlen(content));
    fcgi_put(out, padding, padding_len);
}

#define CONVERSATION "[STDOUT 1 5:hello][STDERR 1 3:bad][? 7 4:what][STDOUT 65535 0:][STDOUT 1 1:x]"

static size_t make_conversation(uint8_t *data, size_t size)
{
    struct fcgi_out out = {data, size, 0, false};

    put_record(&out, FCGI_STDOUT, 1, "hello", 3);
    put_record(&out, FCGI_STDERR, 1, "bad", 0);
    put_record(&out, (enum fcgi_type)77, 7, "what", 255);
    put_record(&out, FCGI_STDOUT, 65535, "", 0);
    put_record(&out, FCGI_STDOUT, 1, "x", 1);
    assert_false(out.is_overflow);
    return out.len;
}

static void cuts_change_nothing(void **state)
{
    uint8_t data[1024];
    size_t len = make_conversation(data, sizeof(data));

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        for (size_t take_max = 1; take_max < 8; take_max += 3) {
            struct fcgi_reader reader = {0};
            struct seen seen = {.len = 0};
            assert_int_equal(read_all(&seen, &reader, data, cut, take_max), FCGI_MORE);
            assert_int_equal(read_all(&seen, &reader, data + cut, len - cut, take_max), FCGI_MORE);
            assert_string_equal(seen.text, CONVERSATION);
            assert_true(fcgi_reader_is_clean(&reader));
        }
    }
    struct fcgi_reader reader = {0};
    struct seen seen = {.len = 0};
    for (size_t i = 0; i < len; i++)
        assert_int_equal(read_all(&seen, &reader, data + i, 1, 1), FCGI_MORE);
    assert_string_equal(seen.text, CONVERSATION);
}

static void another_version_is_bad_at_once(void **state)
{
    static const uint8_t bad[] = {2};
    uint8_t data[1024];
    struct fcgi_reader reader = {0};
    struct seen seen = {.len = 0};
    size_t len = make_conversation(data, sizeof(data));

    (void)state;
    assert_int_equal(read_all(&seen, &reader, bad, 1, 1), FCGI_BAD);
    reader = (struct fcgi_reader){0};
    assert_int_equal(read_all(&seen, &reader, data, len, 9), FCGI_MORE);
    assert_int_equal(read_all(&seen, &reader, bad, 1, 1), FCGI_BAD);
}

static void any_bytes_give_a_result(void **state)
{
    unsigned random = 1;
    unsigned bad_count = 0;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint8_t data[128];
        struct fcgi_reader reader = {0};
        struct fcgi_pair pair;
        struct fcgi_values values;
        struct seen seen = {.len = 0};
        for (size_t j = 0; j < sizeof(data); j++) {
            random = random * 1103515245 + 12345;
            data[j] = (uint8_t)(random >> 16);
        }
        data[0] = FCGI_VERSION;
        bad_count += read_all(&seen, &reader, data, sizeof(data), 7) == FCGI_BAD;
        for (size_t at = 0; at < sizeof(data); at++)
            assert_true(fcgi_get_pair(&pair, data + at, sizeof(data) - at) <= sizeof(data) - at);
        fcgi_get_values(&values, data, sizeof(data));
    }
    assert_true(bad_count > 0);
}

static void begin_and_end_are_as_specified(void **state)
{
    static const uint8_t begin[] = {1, 1, 1, 2, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0};
    static const uint8_t end[] = {1, 3, 1, 2, 0, 8, 0, 0, 1, 2, 3, 4, 2, 0, 0, 0};
    static const uint8_t abort[] = {1, 2, 1, 2, 0, 0, 0, 0};
    uint8_t data[64];
    struct fcgi_out out = {data, sizeof(data), 0, false};
    uint32_t app_status = 0;

    (void)state;
    fcgi_put_begin(&out, 0x102, FCGI_RESPONDER, FCGI_KEEP_CONN);
    assert_int_equal(out.len, sizeof(begin));
    assert_memory_equal(data, begin, sizeof(begin));
    out.len = 0;
    fcgi_put_end(&out, 0x102, 0x1020304, FCGI_OVERLOADED);
    assert_memory_equal(data, end, sizeof(end));
    assert_int_equal(fcgi_end_status(data + 8, &app_status), FCGI_OVERLOADED);
    assert_int_equal(app_status, 0x1020304);
    out.len = 0;
    fcgi_put_empty(&out, FCGI_ABORT_REQUEST, 0x102);
    assert_int_equal(out.len, sizeof(abort));
    assert_memory_equal(data, abort, sizeof(abort));
    assert_string_equal(fcgi_status_name(FCGI_CANT_MPX_CONN), "CANT_MPX_CONN");
    assert_string_equal(fcgi_status_name(9), "?");
}

static void no_room_is_told_and_nothing_is_torn(void **state)
{
    uint8_t data[15];
    struct fcgi_out out = {data, sizeof(data), 0, false};

    (void)state;
    fcgi_put_begin(&out, 1, FCGI_RESPONDER, 0);
    assert_true(out.is_overflow);
    assert_int_equal(out.len, 0);
}

static void pairs_of_all_lengths_come_back(void **state)
{
    static const size_t lens[] = {0, 1, 127, 128, 129, 300};
    char text[301];
    uint8_t data[1024];

    (void)state;
    memset(text, 'v', sizeof(text));
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        for (size_t j = 0; j < ARRAY_LEN(lens); j++) {
            struct fcgi_out out = {data, sizeof(data), 0, false};
            struct fcgi_pair pair;
            fcgi_put_lens(&out, lens[i], lens[j]);
            assert_int_equal(out.len, (lens[i] < 128 ? 1 : 4) + (lens[j] < 128 ? 1 : 4));
            fcgi_put(&out, text, lens[i]);
            fcgi_put(&out, text, lens[j]);
            for (size_t cut = 0; cut < out.len; cut++)
                assert_int_equal(fcgi_get_pair(&pair, data, cut), 0);
            assert_int_equal(fcgi_get_pair(&pair, data, out.len), out.len);
            assert_int_equal(pair.name_len, lens[i]);
            assert_int_equal(pair.value_len, lens[j]);
        }
    }
}

static void values_come_back(void **state)
{
    static const struct fcgi_values cases[] = {
        {false, 0, 0}, {true, 100, 10}, {true, 4294967295u, 0}, {false, 1, 1}};
    uint8_t data[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fcgi_out out = {data, sizeof(data), 0, false};
        struct fcgi_values values;
        fcgi_put_values(&out, &cases[i]);
        fcgi_get_values(&values, data, out.len);
        assert_int_equal(values.is_multiplexing, cases[i].is_multiplexing);
        assert_int_equal(values.requests_max, cases[i].requests_max);
        assert_int_equal(values.conns_max, cases[i].conns_max);
    }
}

static void the_question_names_all_three(void **state)
{
    uint8_t data[128];
    struct fcgi_out out = {data, sizeof(data), 0, false};
    struct fcgi_pair pair;
    size_t at = FCGI_HEAD_BYTES;
    unsigned count = 0;

    (void)state;
    fcgi_put_get_values(&out);
    assert_int_equal(data[1], FCGI_GET_VALUES);
    assert_int_equal(data[5], out.len - FCGI_HEAD_BYTES);
    while (at < out.len) {
        size_t used = fcgi_get_pair(&pair, data + at, out.len - at);
        assert_true(used > 0);
        assert_int_equal(pair.value_len, 0);
        at += used;
        count++;
    }
    assert_int_equal(count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_change_nothing),
        cmocka_unit_test(another_version_is_bad_at_once),
        cmocka_unit_test(any_bytes_give_a_result),
        cmocka_unit_test(begin_and_end_are_as_specified),
        cmocka_unit_test(no_room_is_told_and_nothing_is_torn),
        cmocka_unit_test(pairs_of_all_lengths_come_back),
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(the_question_names_all_three),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
