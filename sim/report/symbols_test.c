/*
 * sim/report/symbols_test.c - addresses of this very program come back as its functions and lines.
 *
 * The program is linked with --wrap=pthread_mutex_lock, so that the address behind a lock taken
 * through the seam's inline function can be caught as the simulator catches it.
 */
#include "sim/report/symbols.h"

#include <elfutils/libdwfl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/lock.h"

#define KEEP __attribute__((noinline))

/* Keeps the call before it from becoming a jump. */
#define STAY() __asm__ volatile("" ::: "memory")

static const void *caught_pc;

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    (void)mutex;
    caught_pc = __builtin_return_address(0);
    return 0;
}

void core_bug(const char *file, int line, const char *func, const char *expr)
{
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, func, expr);
    abort();
}

static KEEP void catch_caller(void)
{
    caught_pc = __builtin_return_address(0);
}

static KEEP unsigned known_function(void)
{
    catch_caller();
    STAY();
    return __LINE__ - 2;
}

static KEEP unsigned takes_a_lock(struct lock *lock)
{
    lock_take(lock);
    unsigned line = __LINE__ - 1;
    STAY();
    return line;
}

__attribute__((always_inline)) static inline unsigned inner_inlined(void)
{
    catch_caller();
    STAY();
    return __LINE__ - 2;
}

static KEEP unsigned outer_function(unsigned *call_line)
{
    unsigned line = inner_inlined();
    *call_line = __LINE__ - 1;
    STAY();
    return line;
}

static const char this_file[] = "sim/report/symbols_test.c";

static void return_address_names_the_call_before_it(void **state)
{
    (void)state;
    unsigned line = known_function();
    const struct symbol *symbol = symbols_lookup(caught_pc);
    assert_string_equal(symbol->function, "known_function");
    assert_string_equal(symbol->file, this_file);
    assert_int_equal(symbol->line, line);
    assert_ptr_equal(symbols_lookup(caught_pc), symbol);
}

static void lock_taken_through_the_seam_is_its_callers(void **state)
{
    (void)state;
    struct lock lock;
    unsigned line = takes_a_lock(&lock);
    const struct symbol *symbol = symbols_lookup(caught_pc);
    assert_string_equal(symbol->function, "takes_a_lock");
    assert_string_equal(symbol->file, this_file);
    assert_int_equal(symbol->line, line);
}

static void inlined_frames_come_innermost_first(void **state)
{
    (void)state;
    unsigned call_line = 0;
    struct symbol frames[4];
    unsigned line = outer_function(&call_line);
    assert_int_equal(symbols_frames(caught_pc, frames, 4), 2);
    assert_string_equal(frames[0].function, "inner_inlined");
    assert_int_equal(frames[0].line, line);
    assert_string_equal(frames[1].function, "outer_function");
    assert_string_equal(frames[1].file, this_file);
    assert_int_equal(frames[1].line, call_line);
}

static void function_of_a_shared_library_has_a_name(void **state)
{
    (void)state;
    const struct symbol *symbol = symbols_lookup((const char *)(uintptr_t)dwfl_version + 1);
    assert_string_equal(symbol->function, "dwfl_version");
    assert_null(strchr(symbol->file, '/'));
}

static void unknown_address_prints_no_number(void **state)
{
    (void)state;
    assert_string_equal(symbols_lookup(NULL)->function, "?");
    assert_string_equal(symbols_lookup((const void *)(uintptr_t)16)->function, "?");
}

static void escapes_become_names_and_places(void **state)
{
    (void)state;
    unsigned line = known_function();
    char text[128];
    char want[128];
    char pc[32];
    snprintf(pc, sizeof(pc), "{pc:%lx}", (unsigned long)(uintptr_t)caught_pc);
    snprintf(text, sizeof(text), "race in %s / %s {pc:} {x", pc, pc);
    symbols_expand(text, sizeof(text));
    assert_string_equal(text, "race in known_function / known_function {pc:} {x");
    snprintf(text, sizeof(text), "at %s.", pc);
    symbols_expand_places(text, sizeof(text));
    snprintf(want, sizeof(want), "at known_function (%s:%u).", this_file, line);
    assert_string_equal(text, want);
}

static void variables_become_names(void **state)
{
    (void)state;
    char text[128];
    snprintf(text, sizeof(text), "%s {data:%lx} {data:0}",
             "memory:", (unsigned long)(uintptr_t)&caught_pc);
    symbols_expand(text, sizeof(text));
    assert_string_equal(text, "memory: caught_pc ?");
}

static void expansion_is_cut_to_its_room(void **state)
{
    (void)state;
    known_function();
    char text[28];
    snprintf(text, sizeof(text), "in {pc:%lx}", (unsigned long)(uintptr_t)caught_pc);
    char *room = text;
    symbols_expand(room, 10);
    assert_string_equal(text, "in known_");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(return_address_names_the_call_before_it),
        cmocka_unit_test(lock_taken_through_the_seam_is_its_callers),
        cmocka_unit_test(inlined_frames_come_innermost_first),
        cmocka_unit_test(function_of_a_shared_library_has_a_name),
        cmocka_unit_test(unknown_address_prints_no_number),
        cmocka_unit_test(escapes_become_names_and_places),
        cmocka_unit_test(variables_become_names),
        cmocka_unit_test(expansion_is_cut_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
