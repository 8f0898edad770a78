/*
 * core/base/pool_test.c - bounds, gauges and names: pools and error codes.
 */
#include "core/base/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/err.h"

static void refuses_beyond_its_bound(void **state)
{
    struct pool pool;
    void *objects[3];

    (void)state;
    pool_init(&pool, "thing", 24, 3);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            objects[i] = pool_take(&pool);
            assert_non_null(objects[i]);
            assert_int_equal((uintptr_t)objects[i] % _Alignof(max_align_t), 0);
        }
        assert_null(pool_take(&pool));
        assert_null(pool_take_zero(&pool));
        assert_int_equal(pool_count(&pool), 3);
        for (int i = 0; i < 3; i++)
            pool_give(&pool, objects[i]);
        assert_int_equal(pool_count(&pool), 0);
    }
    pool_give(&pool, NULL);
    pool_fini(&pool);
}

static void take_zero_clears(void **state)
{
    static const char zeroes[64];
    struct pool pool;
    char *object;

    (void)state;
    pool_init(&pool, "thing", sizeof(zeroes), 1);
    for (int i = 0; i < 4; i++) {
        object = pool_take_zero(&pool);
        assert_non_null(object);
        assert_memory_equal(object, zeroes, sizeof(zeroes));
        memset(object, 1, sizeof(zeroes));
        pool_give(&pool, object);
    }
    pool_fini(&pool);
}

static void *take_and_give(void *arg)
{
    struct pool *pool = arg;

    for (int i = 0; i < 20000; i++)
        pool_give(pool, pool_take(pool));
    return NULL;
}

/* With fewer objects than threads some takes are refused; the gauge still comes back to 0. */
static void gauge_survives_threads(void **state)
{
    pthread_t threads[3];
    struct pool pool;

    (void)state;
    pool_init(&pool, "thing", 8, 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &pool), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pool_count(&pool), 0);
    pool_fini(&pool);
}

static void every_error_has_a_name_and_a_text(void **state)
{
    (void)state;
    assert_string_equal(err_name(0), "ERR_NONE");
    assert_string_equal(err_name(-ERR_MEMORY), "ERR_MEMORY");
    assert_string_equal(err_name(ERR_TIMEOUT), "ERR_TIMEOUT");
    assert_string_equal(err_text(-ERR_CLOSED), "closed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_beyond_its_bound),
        cmocka_unit_test(take_zero_clears),
        cmocka_unit_test(gauge_survives_threads),
        cmocka_unit_test(every_error_has_a_name_and_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
