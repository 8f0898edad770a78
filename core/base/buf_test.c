/*
 * core/base/buf_test.c - ring buffers against plain byte arrays: every small state, then random
 * programs.
 */
#include "core/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE_MAX_BYTES = 64 };

/* A buffer and the bytes it should hold. */
struct model {
    struct buf buf;
    uint8_t area[SIZE_MAX_BYTES];
    uint8_t want[SIZE_MAX_BYTES];
    size_t want_len;
    uint8_t next; /* the next byte to write: all are told apart */
};

static void check(struct model *model)
{
    uint8_t got[SIZE_MAX_BYTES + 1];
    struct buf_span data = buf_data_span(&model->buf), room = buf_room_span(&model->buf);

    buf_check(&model->buf);
    assert_int_equal(buf_len(&model->buf), model->want_len);
    assert_int_equal(buf_peek(&model->buf, 0, got, sizeof(got)), model->want_len);
    assert_memory_equal(got, model->want, model->want_len);
    assert_int_equal(buf_is_empty(&model->buf), data.len_bytes == 0);
    assert_int_equal(buf_is_full(&model->buf), room.len_bytes == 0);
    if (data.len_bytes > 0)
        assert_memory_equal(data.data, model->want, data.len_bytes);
}

static void write_some(struct model *model, size_t len)
{
    uint8_t bytes[SIZE_MAX_BYTES * 2];
    size_t fits = buf_room(&model->buf) < len ? buf_room(&model->buf) : len;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(model->next + i);
    assert_int_equal(buf_write(&model->buf, bytes, len), fits);
    memcpy(model->want + model->want_len, bytes, fits);
    model->want_len += fits;
    model->next = (uint8_t)(model->next + fits);
}

static void drop_some(struct model *model, size_t len)
{
    model->want_len -= len;
    memmove(model->want, model->want + len, model->want_len);
}

static void read_some(struct model *model, size_t len)
{
    uint8_t bytes[SIZE_MAX_BYTES * 2];
    size_t there = model->want_len < len ? model->want_len : len;

    assert_int_equal(buf_read(&model->buf, bytes, len), there);
    assert_memory_equal(bytes, model->want, there);
    drop_some(model, there);
}

/* Brings a buffer of `size` into the state (head, len). */
static void model_init(struct model *model, size_t size, size_t head, size_t len)
{
    memset(model, 0, sizeof(*model));
    buf_init(&model->buf, model->area, size);
    if (len == 0)
        return;
    write_some(model, head);
    /* One byte stays while the head moves, or it would start over. */
    if (head > 0) {
        write_some(model, 1);
        read_some(model, head);
        len--;
    }
    write_some(model, len);
}

static void every_state_of_every_small_size(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 5; size++) {
        for (size_t head = 0; head < (size ? size : 1); head++) {
            for (size_t len = 0; len <= size; len++) {
                for (size_t n = 0; n <= size + 1; n++) {
                    struct model model, other;

                    model_init(&model, size, head, len);
                    check(&model);
                    write_some(&model, n);
                    check(&model);
                    model_init(&model, size, head, len);
                    read_some(&model, n);
                    check(&model);
                    model_init(&model, size, head, len);
                    buf_align(&model.buf);
                    check(&model);
                    assert_int_equal(model.buf.head, 0);
                    model_init(&model, size, head, len);
                    model_init(&other, size, (head + 1) % (size ? size : 1), n > size ? size : n);
                    other.want_len = buf_len(&other.buf);
                    buf_move(&other.buf, &model.buf, n);
                    assert_int_equal(buf_len(&other.buf) - other.want_len,
                                     model.want_len - buf_len(&model.buf));
                    buf_check(&other.buf);
                    buf_check(&model.buf);
                }
            }
        }
    }
}

static void random_programs_agree_with_an_array(void **state)
{
    uint64_t x = 88172645463325252U;
    struct model model;

    (void)state;
    model_init(&model, 37, 0, 0);
    for (int i = 0; i < 200000; i++) {
        size_t n;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        n = (x >> 40) % 45;
        switch (x >> 32 & 3) {
        case 0:
            write_some(&model, n);
            break;
        case 1:
            read_some(&model, n);
            break;
        case 2: {
            struct buf_span room = buf_room_span(&model.buf);

            n = n < room.len_bytes ? n : room.len_bytes;
            for (size_t j = 0; j < n; j++)
                room.data[j] = model.want[model.want_len + j] = model.next++;
            buf_fill(&model.buf, n);
            model.want_len += n;
            break;
        }
        default:
            if (n == 0)
                buf_align(&model.buf);
            break;
        }
        check(&model);
    }
}

static void peek_looks_behind_the_head(void **state)
{
    struct model model;
    uint8_t byte;

    (void)state;
    model_init(&model, 8, 6, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(buf_peek(&model.buf, i, &byte, 1), 1);
        assert_int_equal(byte, model.want[i]);
    }
    assert_int_equal(buf_peek(&model.buf, 5, &byte, 1), 0);
}

static void a_buffer_without_storage_is_full_and_empty(void **state)
{
    struct buf buf;
    char nothing;

    (void)state;
    buf_init(&buf, &nothing, 0);
    assert_true(buf_is_full(&buf));
    assert_true(buf_is_empty(&buf));
    assert_int_equal(buf_write(&buf, "x", 1), 0);
    assert_int_equal(buf_data_span(&buf).len_bytes, 0);
    assert_int_equal(buf_room_span(&buf).len_bytes, 0);
    buf_align(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_of_every_small_size),
        cmocka_unit_test(random_programs_agree_with_an_array),
        cmocka_unit_test(peek_looks_behind_the_head),
        cmocka_unit_test(a_buffer_without_storage_is_full_and_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
