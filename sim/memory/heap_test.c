/*
 * sim/memory/heap_test.c - the run's heap: what it gives out, what it notices.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/base/atomic.h"
#include "sim/memory/heap.h"
#include "sim/posix/exit.h"
#include "sim/posix/hook.h"
#include "sim/posix/testing.h"
#include "sim/sched/crash.h"

#define KEEP __attribute__((noinline))

static void *volatile kept; /* what the compiler must not reason about */

/* Of what a sanitizer's malloc does differently, or notices by itself. */
static void skip_with_sanitizer(void)
{
#if defined(HEDDLE_BUILD_ASAN) || defined(HEDDLE_BUILD_TSAN)
    skip();
#endif
}

/* ---- well used ---- */

static int use_all_calls(void *arg)
{
    (void)arg;
    for (size_t size = 0; size < 5000; size = size * 2 + 1) {
        unsigned char *memory = malloc(size);
        unsigned char *zeroed = calloc(1, size);
        if (memory == NULL || zeroed == NULL || (uintptr_t)memory % 16 != 0)
            return 1;
        for (size_t i = 0; i < size; i++) {
            if (zeroed[i] != 0)
                return 2;
            memory[i] = (unsigned char)i;
        }
        memory = realloc(memory, size * 3 + 1);
        for (size_t i = 0; i < size; i++) {
            if (memory[i] != (unsigned char)i)
                return 3;
        }
        if (malloc_usable_size(memory) < size * 3 + 1)
            return 4;
        free(memory);
        free(zeroed);
    }
    for (size_t alignment = 16; alignment <= 4096; alignment *= 2) {
        void *memory = NULL;
        if (posix_memalign(&memory, alignment, 100) != 0 || (uintptr_t)memory % alignment != 0)
            return 5;
        memset(memory, 1, 100);
        free(memory);
        memory = aligned_alloc(alignment, alignment);
        if ((uintptr_t)memory % alignment != 0)
            return 6;
        free(memory);
    }
    char *text = strdup("text");
    char *printed = NULL;
    if (asprintf(&printed, "%s-%d", text, 5) != 6 || strcmp(printed, "text-5") != 0)
        return 7;
    free(printed);
    printed = strndup(text, 2);
    if (strcmp(printed, "te") != 0)
        return 8;
    free(printed);
    free(text);
    kept = malloc(SIZE_MAX / 2);
    if (kept != NULL || errno != ENOMEM)
        return 9;
    kept = calloc(SIZE_MAX, 2);
    if (kept != NULL)
        return 9;
    return heap_leaks(NULL, NULL, 0) == 0 ? 0 : 10;
}

static void calls_do_what_they_should(void **state)
{
    (void)state;
    expect_always_ok(use_all_calls, 2);
}

static uintptr_t seen[3];

static int note_addresses(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        void *memory = malloc(64);
        seen[i] = (uintptr_t)memory;
        if (i == 1)
            free(memory);
    }
    /* A freed block is not used again soon. */
    return seen[2] == seen[1] ? 1 : 0;
}

static void addresses_are_the_same_in_every_run(void **state)
{
    uintptr_t first[3];

    (void)state;
    skip_with_sanitizer();
    expect_always_ok(note_addresses, 1);
    memcpy(first, seen, sizeof(seen));
    expect_always_ok(use_all_calls, 2);
    expect_always_ok(note_addresses, 1);
    assert_memory_equal(first, seen, sizeof(seen));
}

static int churn(void *arg)
{
    void *blocks[16] = {0};

    (void)arg;
    for (uint32_t i = 0; i < 50000; i++) {
        uint32_t at = i * 7 % 16;
        free(blocks[at]);
        blocks[at] = malloc(i % 700);
        memset(blocks[at], 1, i % 700);
    }
    for (int i = 0; i < 16; i++)
        free(blocks[i]);
    return heap_leaks(NULL, NULL, 0) == 0 ? 0 : 1;
}

static void freed_blocks_are_used_again_at_last(void **state)
{
    (void)state;
    expect_always_ok(churn, 2);
}

/* ---- misused: with a sanitizer's malloc these are the sanitizer's ---- */

struct object {
    _Atomic int references;
    pthread_mutex_t lock;
};

static KEEP struct object *new_object(void)
{
    struct object *object = malloc(sizeof(*object));

    atomic_init(&object->references, 1);
    pthread_mutex_init(&object->lock, NULL);
    kept = object;
    return object;
}

static KEEP void drop_object(struct object *object)
{
    free(object);
    kept = NULL;
}

static int load_freed(void *arg)
{
    struct object *object = new_object();

    (void)arg;
    drop_object(object);
    return atom_load(&object->references);
}

static int lock_freed(void *arg)
{
    struct object *object = new_object();

    (void)arg;
    drop_object(object);
    return pthread_mutex_lock(&object->lock);
}

static void use_after_free_is_found(void **state)
{
    struct run_result result;

    (void)state;
    skip_with_sanitizer();
    expect_finding_within(load_freed, FINDING_HEAP_USE_AFTER_FREE,
                          "heap-use-after-free read in load_freed", 1, &result);
    assert_non_null(strstr(result.finding.detail, "0 bytes into a block of 48 bytes\n"));
    assert_non_null(strstr(result.finding.detail, "allocated by main in new_object <- load_freed"));
    assert_non_null(strstr(result.finding.detail, "freed by main in drop_object <- load_freed"));
    expect_finding(lock_freed, FINDING_HEAP_USE_AFTER_FREE,
                   "heap-use-after-free write in lock_freed");
}

static void *drop_reference(void *arg)
{
    struct object *object = arg;

    /* The mistake: two operations where one is needed. */
    atom_fetch_sub(&object->references, 1, memory_order_acq_rel);
    if (atom_load(&object->references) == 0)
        drop_object(object);
    return NULL;
}

static int drop_on_two_threads(void *arg)
{
    struct object *object = new_object();
    pthread_t threads[2];

    (void)arg;
    atomic_init(&object->references, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, drop_reference, object);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static void races_about_freeing_are_found(void **state)
{
    (void)state;
    skip_with_sanitizer();
    expect_finding_within(drop_on_two_threads, FINDING_HEAP_USE_AFTER_FREE,
                          "heap-use-after-free read in drop_reference", 500, NULL);
}

static int free_twice(void *arg)
{
    struct object *object = new_object();

    (void)arg;
    drop_object(object);
    drop_object(object);
    return 0;
}

static int free_inside(void *arg)
{
    char *memory = malloc(100);

    (void)arg;
    kept = memory + 16;
    free(kept);
    return 0;
}

static int write_behind(void *arg)
{
    char *memory = malloc(20);

    (void)arg;
    kept = memory + 20;
    *(char *)kept = 1;
    free(memory);
    return 0;
}

static int store_behind(void *arg)
{
    _Atomic int *numbers = malloc(3 * sizeof(*numbers));

    (void)arg;
    kept = (void *)(numbers + 3);
    atom_store((_Atomic int *)kept, 1);
    return 0;
}

static int store_wild(void *arg)
{
    (void)arg;
    kept = (void *)(HEAP_BASE + (UINT64_C(1) << 30));
    atom_store((_Atomic int *)kept, 1);
    return 0;
}

static void misuse_is_named(void **state)
{
    (void)state;
    skip_with_sanitizer();
    expect_finding(free_twice, FINDING_HEAP_MISUSE, "double-free in drop_object");
    expect_finding(free_inside, FINDING_HEAP_MISUSE, "invalid-free in free_inside");
    expect_finding(write_behind, FINDING_HEAP_MISUSE,
                   "heap-buffer-overflow found by free in write_behind");
    expect_finding(store_behind, FINDING_HEAP_MISUSE, "heap-buffer-overflow write in store_behind");
    expect_finding(store_wild, FINDING_HEAP_MISUSE, "wild-pointer write in store_wild");
}

struct node {
    struct node *next;
    int value;
};

static int follow_freed(void *arg)
{
    struct node *node = malloc(sizeof(*node));

    (void)arg;
    node->next = NULL;
    kept = node;
    free(node);
    return ((struct node *)kept)->next->value;
}

static int follow_fresh(void *arg)
{
    (void)arg;
    kept = malloc(sizeof(struct node));
    return ((struct node *)kept)->next->value;
}

static void crashes_say_what_was_followed(void **state)
{
    struct run_result result;

    (void)state;
    skip_with_sanitizer();
    crash_init(); /* cmocka has put its own handlers over ours */
    expect_finding_within(follow_freed, FINDING_CRASH, "crash: segmentation fault in follow_freed",
                          1, &result);
    assert_string_equal(result.finding.detail, "poisoned pointer: read from freed memory\n");
    expect_finding_within(follow_fresh, FINDING_CRASH, "crash: segmentation fault in follow_fresh",
                          1, &result);
    assert_string_equal(result.finding.detail,
                        "poisoned pointer: read from uninitialised memory\n");
}

/* ---- leaks and failures ---- */

static KEEP void *allocate_for_good(size_t size_bytes)
{
    kept = malloc(size_bytes);
    return kept;
}

static int leak(void *arg)
{
    (void)arg;
#pragma clang loop unroll(disable)
    for (int i = 0; i < 3; i++)
        (void)allocate_for_good(192);
    return 0;
}

static int leaks_on(void **state)
{
    (void)state;
    program_leaks_set(true);
    return 0;
}

static int leaks_off(void **state)
{
    (void)state;
    program_leaks_set(false);
    return 0;
}

static void leaks_are_counted_by_site(void **state)
{
    (void)state;
    skip_with_sanitizer();
    expect_finding(leak, FINDING_LEAK,
                   "leak: 3 blocks of 192 bytes allocated in allocate_for_good <- leak");
}

static int fail_third(void *arg)
{
    (void)arg;
    hook_alloc_fail_nth(NULL, 3);
    for (int i = 1; i < 6; i++) {
        kept = malloc(8);
        if ((kept == NULL) != (i == 3))
            return i;
    }
    return 0;
}

static void planned_allocation_fails(void **state)
{
    (void)state;
    expect_always_ok(fail_third, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_do_what_they_should),
        cmocka_unit_test(addresses_are_the_same_in_every_run),
        cmocka_unit_test(freed_blocks_are_used_again_at_last),
        cmocka_unit_test(use_after_free_is_found),
        cmocka_unit_test(races_about_freeing_are_found),
        cmocka_unit_test(misuse_is_named),
        cmocka_unit_test(crashes_say_what_was_followed),
        cmocka_unit_test_setup_teardown(leaks_are_counted_by_site, leaks_on, leaks_off),
        cmocka_unit_test(planned_allocation_fails),
    };
    return TESTS_RUN(tests);
}
