/*
 * core/base/mpsc_test.c - the queue keeps each pusher's order and loses nothing, with real threads.
 */
#include "core/base/mpsc.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/atomic.h"

enum { PUSHERS = 3, ITEMS = 2000 };

struct item {
    struct list link;
    int pusher;
    int number;
};

struct pusher {
    pthread_t thread;
    struct mpsc *queue;
    struct item items[ITEMS];
};

static void takes_in_the_order_of_pushing(void **state)
{
    struct mpsc queue;
    struct list out = LIST_INIT(out), links[4];

    (void)state;
    mpsc_init(&queue);
    for (unsigned count = 0; count <= 4; count++) {
        for (unsigned i = 0; i < count; i++)
            mpsc_push(&queue, &links[i]);
        assert_int_equal(mpsc_is_empty(&queue), count == 0);
        assert_int_equal(mpsc_peek_is_empty(&queue), count == 0);
        assert_int_equal(mpsc_take_all(&queue, &out), count);
        assert_true(mpsc_is_empty(&queue));
        for (unsigned i = 0; i < count; i++)
            assert_ptr_equal(list_pop_head(&out), &links[i]);
        assert_true(list_is_empty(&out));
    }
}

static void *push_all(void *arg)
{
    struct pusher *pusher = arg;

    for (int i = 0; i < ITEMS; i++)
        mpsc_push(pusher->queue, &pusher->items[i].link);
    return NULL;
}

static void pushers_lose_nothing(void **state)
{
    static struct pusher pushers[PUSHERS];
    struct list out = LIST_INIT(out), *link;
    int next[PUSHERS] = {0}, taken = 0;
    struct mpsc queue;

    (void)state;
    mpsc_init(&queue);
    for (int i = 0; i < PUSHERS; i++) {
        pushers[i].queue = &queue;
        for (int j = 0; j < ITEMS; j++) {
            pushers[i].items[j].pusher = i;
            pushers[i].items[j].number = j;
        }
        assert_int_equal(pthread_create(&pushers[i].thread, NULL, push_all, &pushers[i]), 0);
    }
    while (taken < PUSHERS * ITEMS) {
        mpsc_take_all(&queue, &out);
        while ((link = list_pop_head(&out)) != NULL) {
            struct item *item = LIST_ENTRY(link, struct item, link);

            assert_int_equal(item->number, next[item->pusher]++);
            taken++;
        }
    }
    for (int i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_join(pushers[i].thread, NULL), 0);
    assert_true(mpsc_is_empty(&queue));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_in_the_order_of_pushing),
        cmocka_unit_test(pushers_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
