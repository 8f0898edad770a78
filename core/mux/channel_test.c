/*
 * core/mux/channel_test.c - channels and the bounded storage behind them, played on one worker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/mux/channel.h"
#include "core/mux/mux.h"
#include "core/rt/rt.h"
#include "core/rt/run.h"

enum { SIZE = 8, EACH = 2 };

struct fixture {
    struct rt *rt;
    struct buffers buffers;
    struct pool heads;
    struct tasklet *user;
    struct tasklet *others[3];
    unsigned woken[4];
};

static struct tasklet *count(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    unsigned *woken = ctx;

    (void)state;
    (*woken)++;
    return tasklet;
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    struct rt_config config = {.workers = 1, .fd_max = 64};

    memset(f, 0, sizeof(*f));
    assert_int_equal(rt_new(&config, &f->rt), 0);
    rt_enter(f->rt);
    buffers_init(&f->buffers, SIZE, EACH, 1);
    pool_init(&f->heads, "head", http_head_size(256), 8);
    f->user = tasklet_new_on(f->rt, 0, count, &f->woken[3]);
    assert_non_null(f->user);
    for (int i = 0; i < 3; i++) {
        f->others[i] = tasklet_new_on(f->rt, 0, count, &f->woken[i]);
        assert_non_null(f->others[i]);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 3; i++)
        tasklet_free(f->others[i]);
    tasklet_free(f->user);
    buffers_fini(&f->buffers);
    pool_fini(&f->heads);
    rt_leave(f->rt);
    rt_free(f->rt);
    return 0;
}

static void run(struct fixture *f)
{
    (void)f;
    worker_self()->turn++;
    run_tasks(worker_self());
}

static struct http_head *new_head(struct fixture *f, bool is_response, uint16_t status)
{
    struct http_head *head = pool_take(&f->heads);

    assert_non_null(head);
    http_head_init(head, 256, is_response);
    head->status = status;
    return head;
}

static void begin(struct fixture *f, struct channel *channel)
{
    channel_init(channel, &f->buffers, BUFFER_UP_DATA, &f->heads, f->user);
    channel_put_head(channel, new_head(f, true, 200));
    pool_give(&f->heads, channel_take_head(channel));
}

static void keeps_order_and_bounds(void **state)
{
    struct fixture *f = *state;
    struct channel channel;
    struct buf_span spans[2];

    begin(f, &channel);
    assert_int_equal(channel_put(&channel, "0123456789", 10, f->others[0]), SIZE);
    channel_skip(&channel, 5);
    assert_int_equal(channel_put(&channel, "abcdefgh", 8, f->others[0]), 5);
    assert_int_equal(channel_spans(&channel, spans), 2);
    assert_memory_equal(spans[0].data, "567", 3);
    assert_memory_equal(spans[1].data, "abcde", 5);
    assert_int_equal(spans[0].len_bytes, 3);
    assert_int_equal(spans[1].len_bytes, 5);
    channel_end(&channel);
    assert_false(channel_is_done(&channel));
    channel_skip(&channel, 8);
    assert_true(channel_is_done(&channel));
    assert_int_equal(channel.moved_bytes, 13);
    assert_int_equal(pool_count(&f->buffers.pool), 0);
    channel_check(&channel);
    channel_fini(&channel);
}

static void interim_heads_come_first(void **state)
{
    struct fixture *f = *state;
    struct channel channel;

    channel_init(&channel, &f->buffers, BUFFER_UP_DATA, &f->heads, f->user);
    channel_put_head(&channel, new_head(f, true, 100));
    assert_false(channel_can_put_head(&channel));
    assert_false(channel_has(&channel, CHANNEL_HAS_HEAD));
    pool_give(&f->heads, channel_take_head(&channel));
    assert_true(channel_can_put_head(&channel));
    struct http_head *last = new_head(f, true, 204);
    last->is_end = true;
    channel_put_head(&channel, last);
    assert_true(channel_has(&channel, CHANNEL_END));
    assert_false(channel_is_done(&channel));
    assert_ptr_equal(channel_take_head(&channel), last);
    pool_give(&f->heads, last);
    assert_true(channel_is_done(&channel));
    run(f);
    assert_int_equal(f->woken[3], 1);
    channel_fini(&channel);
}

static void trailers_wait_for_the_data(void **state)
{
    struct fixture *f = *state;
    struct channel channel;

    begin(f, &channel);
    assert_int_equal(channel_put(&channel, "x", 1, f->others[0]), 1);
    channel_put_trailers(&channel, new_head(f, true, 0));
    assert_null(channel_take_trailers(&channel));
    channel_skip(&channel, 1);
    struct http_head *trailers = channel_take_trailers(&channel);
    assert_non_null(trailers);
    pool_give(&f->heads, trailers);
    assert_true(channel_is_done(&channel));
    channel_fini(&channel);
}

static void a_closed_one_swallows(void **state)
{
    struct fixture *f = *state;
    struct channel channel;

    begin(f, &channel);
    assert_int_equal(channel_put(&channel, "abc", 3, f->others[0]), 3);
    channel_close(&channel);
    assert_int_equal(pool_count(&f->buffers.pool), 0);
    assert_int_equal(channel_put(&channel, "0123456789abcdef", 16, f->others[0]), 16);
    assert_int_equal(pool_count(&f->buffers.pool), 0);
    channel_check(&channel);
    channel_fini(&channel);
}

static void who_waits_is_served_in_order(void **state)
{
    struct fixture *f = *state;
    struct buf bufs[4] = {0};
    struct buffer_wait waits[4] = {0};

    for (int i = 0; i < EACH; i++)
        assert_true(buffer_take(&f->buffers, BUFFER_UP_IN, &bufs[i], &waits[i], f->others[0]));
    assert_false(buffer_take(&f->buffers, BUFFER_UP_IN, &bufs[2], &waits[2], f->others[1]));
    assert_false(buffer_take(&f->buffers, BUFFER_UP_IN, &bufs[3], &waits[3], f->others[2]));
    buffers_check(&f->buffers, true);
    buffer_give(&f->buffers, BUFFER_UP_IN, &bufs[0]);
    run(f);
    assert_int_equal(f->woken[1], 1);
    assert_int_equal(f->woken[2], 0);
    /* Nobody overtakes, neither a newcomer nor the second. */
    assert_false(buffer_take(&f->buffers, BUFFER_UP_IN, &bufs[0], &waits[0], f->others[0]));
    assert_false(buffer_take(&f->buffers, BUFFER_UP_IN, &bufs[3], &waits[3], f->others[2]));
    /* Other kinds are not concerned. */
    assert_true(
        buffer_take(&f->buffers, BUFFER_UP_OUT, &bufs[0], &(struct buffer_wait){0}, f->others[0]));
    buffer_give(&f->buffers, BUFFER_UP_OUT, &bufs[0]);
    assert_true(buffer_take(&f->buffers, BUFFER_UP_IN, &bufs[2], &waits[2], f->others[1]));
    buffer_give(&f->buffers, BUFFER_UP_IN, &bufs[1]);
    run(f);
    assert_int_equal(f->woken[2], 1);
    /* Who was woken and wants no more passes its turn on. */
    buffer_wait_cancel(&f->buffers, &waits[3]);
    run(f);
    assert_int_equal(f->woken[0], 1);
    assert_true(buffer_take(&f->buffers, BUFFER_UP_IN, &bufs[0], &waits[0], f->others[0]));
    buffer_give(&f->buffers, BUFFER_UP_IN, &bufs[0]);
    buffer_give(&f->buffers, BUFFER_UP_IN, &bufs[2]);
    buffers_check(&f->buffers, true);
}

static void unused_room_goes_back(void **state)
{
    struct fixture *f = *state;
    struct channel channel;

    begin(f, &channel);
    assert_int_equal(channel_room(&channel, f->others[0]).len_bytes, SIZE);
    assert_int_equal(pool_count(&f->buffers.pool), 1);
    channel_give_room(&channel);
    assert_int_equal(pool_count(&f->buffers.pool), 0);
    assert_int_equal(channel_room(&channel, f->others[0]).len_bytes, SIZE);
    channel_break(&channel);
    assert_int_equal(pool_count(&f->buffers.pool), 0);
    channel_check(&channel);
    channel_fini(&channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_order_and_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(interim_heads_come_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trailers_wait_for_the_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_closed_one_swallows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_is_served_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unused_room_goes_back, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
