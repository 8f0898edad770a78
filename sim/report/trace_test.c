/*
 * sim/report/trace_test.c - what the recorder keeps of a run on the real engine.
 *
 * Two threads pass a baton: the one that waits is parked, the other stores and ends.
 */
#include "sim/report/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/report/symbols.h"

#define KEEP __attribute__((noinline))
#define STAY() __asm__ volatile("" ::: "memory")

static int baton;
static int nameless;
static struct waitq queue;

static void name_baton(const struct vthread *thread, const struct op *op, char *out,
                       size_t out_bytes)
{
    (void)thread;
    if (op->object == &baton)
        snprintf(out, out_bytes, "baton");
}

static KEEP void touch(enum op_kind kind, const void *object)
{
    sched_point(kind, object, "&baton", __builtin_return_address(0));
    STAY();
}

static KEEP void inner(void)
{
    touch(OP_STORE, &baton);
    sched_trace_value((uint64_t)-11);
    touch(OP_LOAD, &nameless);
}

static KEEP void outer(void)
{
    inner();
    STAY();
}

static void run_runner(void *arg)
{
    (void)arg;
    outer();
    STAY();
}

static void run_waiter(void *arg)
{
    const struct op op = {.kind = OP_LOCK, .object = &baton, .label = "lock"};

    (void)arg;
    touch(OP_LOCK, &baton);
    waitq_park(&queue, &op, sched_thread(1), TIME_NEVER, false);
}

static void start(void *context)
{
    (void)context;
    queue = (struct waitq){0};
    sched_spawn("runner", NULL, run_runner, NULL);
    sched_spawn("waiter", NULL, run_waiter, NULL);
}

static bool quiet(void *context, uint64_t next_due_ns)
{
    (void)context;
    (void)next_due_ns;
    return false;
}

static struct trace trace;

static void record(size_t steps_max)
{
    struct run_result result;
    const struct run_spec spec = {.start = start,
                                  .quiet = quiet,
                                  .steps_max = 1000,
                                  .step_cost_ns = 10,
                                  .trace = trace_step,
                                  .trace_value = trace_value,
                                  .trace_context = &trace};

    sched_init();
    trace_init(&trace, steps_max, name_baton);
    sched_run(&spec, &result);
    trace_end(&trace);
}

static const struct trace_step *find_step(const char *thread, enum op_kind kind)
{
    for (size_t i = 0; i < trace_count(&trace); i++) {
        const struct trace_step *step = trace_at(&trace, i);
        if (step->kind == kind && strcmp(trace.threads[step->thread_id].name, thread) == 0)
            return step;
    }
    fail_msg("%s made no such step", thread);
    return NULL;
}

static void steps_have_their_objects_and_callers(void **state)
{
    (void)state;
    record(64);
    const struct trace_step *store = find_step("runner", OP_STORE);
    assert_string_equal(trace_object(&trace, store->object_id)->name, "baton");
    assert_string_equal(store->label, "&baton");
    assert_string_equal(symbols_lookup(store->pc)->function, "inner");
    assert_string_equal(symbols_lookup(store->stack[0])->function, "outer");
    assert_string_equal(symbols_lookup(store->stack[1])->function, "run_runner");
    assert_int_equal(store->time_ns, store->step * 10);
    assert_true(store->has_value);
    assert_int_equal(store->value, -11);
    const struct trace_step *load = find_step("runner", OP_LOAD);
    assert_string_equal(trace_object(&trace, load->object_id)->name, "");
    assert_false(load->has_value);
    assert_int_not_equal(load->object_id, store->object_id);
    assert_int_equal(find_step("waiter", OP_LOCK)->object_id, store->object_id);
    trace_fini(&trace);
}

static void end_says_who_waits_for_whom(void **state)
{
    (void)state;
    record(64);
    const struct trace_thread *runner = &trace.threads[1];
    const struct trace_thread *waiter = &trace.threads[2];
    assert_string_equal(runner->name, "runner");
    assert_int_equal(runner->state, VTHREAD_DONE);
    assert_int_equal(waiter->state, VTHREAD_PARKED);
    assert_int_equal(waiter->holder_id, 1);
    assert_int_equal(waiter->last.kind, OP_LOCK);
    assert_true(trace.threads[0].is_lane);
    trace_fini(&trace);
}

static void ring_keeps_the_last_steps(void **state)
{
    (void)state;
    record(2);
    assert_int_equal(trace_count(&trace), 2);
    assert_true(trace.recorded > 2);
    assert_int_equal(trace_at(&trace, 0)->step + 1, trace_at(&trace, 1)->step);
    assert_int_equal(trace_at(&trace, 1)->step, trace.recorded);
    trace_fini(&trace);
}

static void address_under_another_name_is_another_object(void **state)
{
    (void)state;
    trace_init(&trace, 2, NULL);
    uint32_t first = trace_intern(&trace, &baton, "");
    assert_int_equal(trace_intern(&trace, &baton, "conn 1"), first);
    uint32_t second = trace_intern(&trace, &baton, "conn 2");
    assert_int_not_equal(second, first);
    assert_int_equal(trace_intern(&trace, &baton, "conn 1"), first);
    assert_string_equal(trace_object(&trace, second)->name, "conn 2");
    assert_null(trace_object(&trace, 0));
    trace_fini(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_have_their_objects_and_callers),
        cmocka_unit_test(end_says_who_waits_for_whom),
        cmocka_unit_test(ring_keeps_the_last_steps),
        cmocka_unit_test(address_under_another_name_is_another_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
