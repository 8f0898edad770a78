/*
 * sim/race/litmus_memory.c - see litmus_posix.h: what the C library does to a program's memory, and
 * memory that goes from thread to thread.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/race/litmus_posix.h"

enum { TEXT_BYTES = 16 };

static char text[TEXT_BYTES];
static char copy[TEXT_BYTES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int flag;
static _Thread_local int own;
static int *_Atomic handed; /* to another thread */
static volatile size_t result;

static void begin(void)
{
    memset(text, 'x', TEXT_BYTES - 1);
    text[TEXT_BYTES - 1] = '\0';
    memset(copy, 'x', TEXT_BYTES);
    atomic_store_explicit(&flag, 0, memory_order_relaxed);
    atomic_store_explicit(&handed, NULL, memory_order_relaxed);
}

/* Both on threads of their own. */
static int run_both(void *(*one)(void *), void *(*other)(void *))
{
    pthread_t threads[2];

    begin();
    if (pthread_create(&threads[0], NULL, one, NULL) != 0 ||
        pthread_create(&threads[1], NULL, other, NULL) != 0)
        return 1;
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    return 0;
}

/* ---- strings ---- */

static void *change_text(void *arg)
{
    text[3] = 'y';
    return arg;
}

static void *measure(void *arg)
{
    result = strlen(text);
    return arg;
}

static int length_of_what_changes(void *arg)
{
    (void)arg;
    return run_both(change_text, measure);
}

static void *compare(void *arg)
{
    result = (size_t)memcmp(copy, text, TEXT_BYTES / 2);
    return arg;
}

static int comparison_with_what_changes(void *arg)
{
    (void)arg;
    return run_both(change_text, compare);
}

static void *copy_text(void *arg)
{
    strncpy(copy, "abc", sizeof(copy));
    return arg;
}

static void *find(void *arg)
{
    result = memchr(copy, 'c', sizeof(copy)) != NULL;
    return arg;
}

static int found_in_what_is_copied(void *arg)
{
    (void)arg;
    return run_both(copy_text, find);
}

static void *print_text(void *arg)
{
    (void)snprintf(text, sizeof(text), "%d", 12345);
    return arg;
}

static int printed_while_measured(void *arg)
{
    (void)arg;
    return run_both(print_text, measure);
}

static void *compare_locked(void *arg)
{
    (void)pthread_mutex_lock(&lock);
    result = (size_t)strcmp(copy, text);
    text[1]++;
    (void)pthread_mutex_unlock(&lock);
    return arg;
}

static int compared_under_a_lock(void *arg)
{
    (void)arg;
    return run_both(compare_locked, compare_locked);
}

static void *read_another_part(void *arg)
{
    result = strnlen(text, 3);
    return arg;
}

static int beside_each_other(void *arg)
{
    (void)arg;
    return run_both(change_text, read_another_part);
}

/* ---- blocks ---- */

static char *take(size_t size_bytes)
{
    char *memory = malloc(size_bytes);

    if (memory == NULL)
        abort();
    return memory;
}

static int copied_one_too_far(void *arg)
{
    char *memory = take(TEXT_BYTES - 1);

    (void)arg;
    begin();
    strcpy(memory, text);
    free(memory);
    return 0;
}

static int without_an_end(void *arg)
{
    char *memory = take(8);

    (void)arg;
    memset(memory, 'x', 8);
    result = strlen(memory);
    free(memory);
    return 0;
}

static int compared_after_free(void *arg)
{
    char *memory = take(8);
    char *volatile kept = memory;

    (void)arg;
    begin();
    free(memory);
    result = (size_t)strncmp(kept, text, 4);
    return 0;
}

static int printed_too_far(void *arg)
{
    char *memory = take(4);

    (void)arg;
    (void)snprintf(memory, 100, "%d", 12345);
    free(memory);
    return 0;
}

static int freed_from_the_stack(void *arg)
{
    long local[4];
    long *volatile pointer = local;

    (void)arg;
    free(pointer);
    return 0;
}

/* The library allocates, the program frees, and grows what it allocated itself. */
static int lines_are_read(void *arg)
{
    char source[] = "one\ntwo and three\n";
    FILE *stream = fmemopen(source, sizeof(source) - 1, "r");
    char *line = take(2);
    size_t size_bytes = 2;
    int err = stream == NULL || getline(&line, &size_bytes, stream) != 4 ||
              strcmp(line, "one\n") != 0 || getline(&line, &size_bytes, stream) != 14 ||
              getline(&line, &size_bytes, stream) != -1;

    (void)arg;
    free(line);
    (void)fclose(stream);
    char *path = realpath("/", NULL);
    err |= path == NULL || strcmp(path, "/") != 0;
    free(path);
    return err;
}

/* ---- whose memory ---- */

static void *count_own(void *arg)
{
    own++;
    return own == 1 ? arg : &own;
}

/* Thread-local storage is lent again, as stacks are. */
static int thread_local_again(void *arg)
{
    int err = 0;

    (void)arg;
    for (int i = 0; i < 4; i++)
        err |= run_both(count_own, count_own);
    return err;
}

static void *lend_local(void *arg)
{
    int local = 1;

    atomic_store_explicit(&handed, &local, memory_order_relaxed);
    while (atomic_load_explicit(&flag, memory_order_relaxed) == 0)
        ;
    result = (size_t)local;
    return arg;
}

static void *write_lent(void *arg)
{
    int *place;

    while ((place = atomic_load_explicit(&handed, memory_order_relaxed)) == NULL)
        ;
    *place = 2;
    atomic_store_explicit(&flag, 1, memory_order_relaxed);
    return arg;
}

static int local_of_another(void *arg)
{
    (void)arg;
    return run_both(lend_local, write_lent);
}

/* Thread-local storage can be lent just as well. */
static void *lend_own(void *arg)
{
    own = 1;
    atomic_store_explicit(&handed, &own, memory_order_relaxed);
    while (atomic_load_explicit(&flag, memory_order_relaxed) == 0)
        ;
    result = (size_t)own;
    return arg;
}

static int thread_local_of_another(void *arg)
{
    (void)arg;
    return run_both(lend_own, write_lent);
}

/* A block that is written while another thread frees it. */
static void *free_handed(void *arg)
{
    int *place;

    while ((place = atomic_load_explicit(&handed, memory_order_relaxed)) == NULL)
        ;
    free(place);
    return arg;
}

static void *hand_block(void *arg)
{
    int *block = (int *)(void *)take(sizeof(*block));

    atomic_store_explicit(&handed, block, memory_order_relaxed);
    *block = 1;
    return arg;
}

static int freed_while_written(void *arg)
{
    (void)arg;
    return run_both(hand_block, free_handed);
}

static void *set_atomically(void *arg)
{
    atomic_store_explicit(&flag, 1, memory_order_release);
    return arg;
}

static void *set_plainly(void *arg)
{
    memset(&flag, 0, sizeof(flag));
    return arg;
}

static int atomic_against_plain(void *arg)
{
    (void)arg;
    return run_both(set_atomically, set_plainly);
}

const struct litmus_posix litmus_memory_table[] = {
    {"the length of what changes", "data-race in change_text / measure", length_of_what_changes},
    {"compared with what changes", "data-race in change_text / compare",
     comparison_with_what_changes},
    {"found in what is copied", "data-race in copy_text / find", found_in_what_is_copied},
    {"printed while measured", "data-race in measure / print_text", printed_while_measured},
    {"compared under a lock", NULL, compared_under_a_lock},
    {"beside each other", NULL, beside_each_other},
    {"copied one too far", "heap-buffer-overflow write in copied_one_too_far", copied_one_too_far},
    {"without an end", "heap-buffer-overflow read in without_an_end", without_an_end},
    {"compared after free", "heap-use-after-free read in compared_after_free", compared_after_free},
    {"printed too far", "heap-buffer-overflow write in printed_too_far", printed_too_far},
    {"freed from the stack", "invalid-free in freed_from_the_stack", freed_from_the_stack},
    {"lines are read", NULL, lines_are_read},
    {"thread-local again", NULL, thread_local_again},
    {"a local of another", "data-race in lend_local / write_lent", local_of_another},
    {"thread-local of another", "data-race in lend_own / write_lent", thread_local_of_another},
    {"freed while written", "data-race in free_handed / hand_block", freed_while_written},
    {"atomic against plain", "data-race in set_atomically / set_plainly", atomic_against_plain},
};
const size_t litmus_memory_count = sizeof(litmus_memory_table) / sizeof(litmus_memory_table[0]);
