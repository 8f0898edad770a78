/*
 * core/base/list_test.c - lists against arrays: every short program of operations, then long random
 * ones.
 */
#include "core/base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 4, LISTS = 2 };

struct model {
    struct list heads[LISTS];
    struct list links[ITEMS];
    int want[LISTS][ITEMS];
    int want_len[LISTS];
};

static void model_init(struct model *model)
{
    memset(model, 0, sizeof(*model));
    for (int i = 0; i < LISTS; i++)
        list_init(&model->heads[i]);
    for (int i = 0; i < ITEMS; i++)
        list_init(&model->links[i]);
}

static int *find(struct model *model, int item, int *where)
{
    for (int i = 0; i < LISTS; i++) {
        for (int j = 0; j < model->want_len[i]; j++) {
            if (model->want[i][j] == item) {
                *where = i;
                return &model->want[i][j];
            }
        }
    }
    return NULL;
}

static void want_insert(struct model *model, int list, int at, int item)
{
    memmove(&model->want[list][at + 1], &model->want[list][at],
            (size_t)(model->want_len[list] - at) * sizeof(int));
    model->want[list][at] = item;
    model->want_len[list]++;
}

static void want_remove(struct model *model, int list, int at)
{
    model->want_len[list]--;
    memmove(&model->want[list][at], &model->want[list][at + 1],
            (size_t)(model->want_len[list] - at) * sizeof(int));
}

static void check(struct model *model)
{
    for (int i = 0; i < LISTS; i++) {
        struct list *link;
        int at = 0;

        list_check(&model->heads[i]);
        LIST_EACH(link, &model->heads[i])
        assert_ptr_equal(link, &model->links[model->want[i][at++]]);
        assert_int_equal(at, model->want_len[i]);
        assert_int_equal(list_is_empty(&model->heads[i]), at == 0);
    }
    for (int i = 0; i < ITEMS; i++) {
        int where;

        assert_int_equal(list_is_linked(&model->links[i]), find(model, i, &where) != NULL);
    }
}

enum { OPERATIONS = LISTS * ITEMS * 2 + ITEMS + LISTS + 2 };

/* Applies operation `op` to both sides, if it is allowed now. */
static void apply(struct model *model, int op)
{
    int where, item, *found;

    if (op < LISTS * ITEMS * 2) {
        int list = op / 2 % LISTS;

        item = op / 2 / LISTS;
        if (find(model, item, &where) != NULL)
            return;
        if (op % 2 == 0) {
            list_push_head(&model->heads[list], &model->links[item]);
            want_insert(model, list, 0, item);
        } else {
            list_push_tail(&model->heads[list], &model->links[item]);
            want_insert(model, list, model->want_len[list], item);
        }
        return;
    }
    op -= LISTS * ITEMS * 2;
    if (op < ITEMS) {
        found = find(model, op, &where);
        list_unlink(&model->links[op]);
        if (found != NULL)
            want_remove(model, where, (int)(found - model->want[where]));
        return;
    }
    op -= ITEMS;
    if (op < LISTS) {
        struct list *link = list_pop_head(&model->heads[op]);

        if (model->want_len[op] == 0) {
            assert_null(link);
        } else {
            assert_ptr_equal(link, &model->links[model->want[op][0]]);
            want_remove(model, op, 0);
        }
        return;
    }
    op -= LISTS;
    if (op == 0) {
        list_splice_head(&model->heads[0], &model->heads[1]);
        while (model->want_len[1] > 0) {
            int last = model->want_len[1] - 1;

            want_insert(model, 0, 0, model->want[1][last]);
            want_remove(model, 1, last);
        }
    } else {
        list_splice_tail(&model->heads[0], &model->heads[1]);
        while (model->want_len[1] > 0) {
            want_insert(model, 0, model->want_len[0], model->want[1][0]);
            want_remove(model, 1, 0);
        }
    }
}

static void every_program_of_four_operations(void **state)
{
    (void)state;
    for (int program = 0; program < OPERATIONS * OPERATIONS * OPERATIONS * OPERATIONS; program++) {
        struct model model;

        model_init(&model);
        for (int i = 0, rest = program; i < 4; i++, rest /= OPERATIONS)
            apply(&model, rest % OPERATIONS);
        check(&model);
    }
}

static void random_programs_agree_with_arrays(void **state)
{
    uint64_t x = 88172645463325252U;
    struct model model;

    (void)state;
    model_init(&model);
    for (int i = 0; i < 100000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        apply(&model, (int)((x >> 32) % OPERATIONS));
        check(&model);
    }
}

static void each_safe_survives_unlinking(void **state)
{
    struct model model;
    struct list *link, *next;
    int seen = 0;

    (void)state;
    model_init(&model);
    for (int i = 0; i < ITEMS; i++)
        list_push_tail(&model.heads[0], &model.links[i]);
    LIST_EACH_SAFE(link, next, &model.heads[0])
    {
        list_unlink(link);
        seen++;
    }
    assert_int_equal(seen, ITEMS);
    assert_true(list_is_empty(&model.heads[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_program_of_four_operations),
        cmocka_unit_test(random_programs_agree_with_arrays),
        cmocka_unit_test(each_safe_survives_unlinking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
