/*
 * core/net/accept_ring_test.c - the ring against a plain array, and with producers that race.
 */
#include "core/net/accept_ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "core/base/err.h"

/* The ring never looks behind the pointers. */
static char storage[1 << 16];

static struct conn *conn_at(unsigned number)
{
    return (struct conn *)(void *)&storage[number];
}

/* Every sequence of 13 pushes and pops, for each size up to four, beginning at each slot. */
static void behaves_like_a_queue_exhaustively(void **state)
{
    (void)state;
    for (uint32_t entries = 1; entries <= 4; entries++) {
        for (uint32_t bits = 0; bits < 1U << 13; bits++) {
            struct accept_ring ring;
            unsigned pushed = 0;
            unsigned popped = 0;
            assert_int_equal(accept_ring_init(&ring, entries), 0);
            for (unsigned i = 0; i < bits % (entries + 1); i++) {
                assert_int_equal(accept_ring_push(&ring, conn_at(999)), 0);
                assert_ptr_equal(accept_ring_pop(&ring), conn_at(999));
            }
            for (unsigned i = 0; i < 13; i++) {
                if (bits >> i & 1) {
                    int want = pushed - popped == entries ? -ERR_FULL : 0;
                    assert_int_equal(accept_ring_push(&ring, conn_at(pushed)), want);
                    pushed += want == 0;
                } else {
                    struct conn *want = pushed == popped ? NULL : conn_at(popped);
                    assert_ptr_equal(accept_ring_pop(&ring), want);
                    popped += want != NULL;
                }
                assert_int_equal(accept_ring_count(&ring), pushed - popped);
                assert_int_equal(accept_ring_peek_count(&ring), pushed - popped);
            }
            while (accept_ring_pop(&ring) != NULL)
                ;
            accept_ring_fini(&ring);
        }
    }
}

static void the_largest_ring_fills_and_empties(void **state)
{
    (void)state;
    struct accept_ring ring;

    assert_int_equal(accept_ring_init(&ring, ACCEPT_RING_ENTRIES_MAX), 0);
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < ACCEPT_RING_ENTRIES_MAX; i++)
            assert_int_equal(accept_ring_push(&ring, conn_at(i)), 0);
        assert_int_equal(accept_ring_push(&ring, conn_at(0)), -ERR_FULL);
        for (unsigned i = 0; i < ACCEPT_RING_ENTRIES_MAX; i++)
            assert_ptr_equal(accept_ring_pop(&ring), conn_at(i));
        assert_null(accept_ring_pop(&ring));
    }
    accept_ring_fini(&ring);
}

enum { PRODUCERS = 3, EACH = 20000 };

static struct accept_ring shared;

/* Numbers PRODUCERS*i + id: each producer's own come out in order. */
static void *produce(void *arg)
{
    unsigned id = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < EACH; i++) {
        while (accept_ring_push(&shared, conn_at(PRODUCERS * i + id)) != 0)
            cpu_relax();
    }
    return NULL;
}

static void racing_producers_lose_nothing(void **state)
{
    (void)state;
    pthread_t threads[PRODUCERS];
    unsigned next[PRODUCERS] = {0};

    assert_int_equal(accept_ring_init(&shared, 7), 0);
    for (uintptr_t i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, (void *)i), 0);
    for (unsigned i = 0; i < PRODUCERS * EACH; i++) {
        struct conn *conn;
        while ((conn = accept_ring_pop(&shared)) == NULL)
            cpu_relax();
        unsigned number = (unsigned)((char *)conn - storage);
        assert_int_equal(number / PRODUCERS, next[number % PRODUCERS]++);
    }
    for (unsigned i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_null(accept_ring_pop(&shared));
    accept_ring_fini(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_like_a_queue_exhaustively),
        cmocka_unit_test(the_largest_ring_fills_and_empties),
        cmocka_unit_test(racing_producers_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
