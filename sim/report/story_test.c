/*
 * sim/report/story_test.c - stories of traces written by hand, compared with what a person agreed
 * to.
 *
 * Each case builds a trace step by step with made-up functions and places, prints its story and
 * compares it with testdata/NAME.want. UPDATE=1 rewrites those files in the source tree (run the
 * program there); the difference is then reviewed like code.
 */
#include "sim/report/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/report/words.h"

enum { PLACES_MAX = 64, WANT_BYTES_MAX = 1 << 16 };

/* Made-up code: the address of places[i] stands for it. */
static struct symbol places[PLACES_MAX];
static size_t place_count;

static const void *place(const char *function, const char *file, uint32_t line)
{
    struct symbol *out = &places[place_count++];

    assert_true(place_count <= PLACES_MAX);
    snprintf(out->function, sizeof(out->function), "%s", function);
    snprintf(out->file, sizeof(out->file), "%s", file);
    out->line = line;
    return out;
}

static const struct symbol *lookup_place(const void *pc)
{
    return pc;
}

/* A trace in the making. */
static struct {
    struct trace trace;
    struct run_result result;
    uint64_t now_ns;
} making;

static int begin_trace(void **state)
{
    (void)state;
    trace_init(&making.trace, 4096, NULL);
    making.result = (struct run_result){.trace_hash = 0x1234567890abcdef};
    making.now_ns = 0;
    place_count = 0;
    return 0;
}

static int end_trace(void **state)
{
    (void)state;
    trace_fini(&making.trace);
    return 0;
}

static void add_thread(uint32_t id, const char *name, bool is_lane)
{
    struct trace_thread *thread = &making.trace.threads[id];

    *thread = (struct trace_thread){
        .is_known = true, .is_lane = is_lane, .state = VTHREAD_RUNNABLE, .holder_id = TRACE_NOBODY};
    snprintf(thread->name, sizeof(thread->name), "%s", name);
}

/* A step of thread `id` on the object called `object` (NULL: none). */
static struct trace_step *add_step(uint32_t id, enum op_kind kind, const char *object,
                                   const char *label, const void *pc)
{
    static char objects[64][TRACE_NAME_BYTES];
    size_t at = 0;

    if (object != NULL) {
        while (objects[at][0] != '\0' && strcmp(objects[at], object) != 0)
            at++;
        assert_true(at < 64);
        snprintf(objects[at], sizeof(objects[at]), "%s", object);
    }
    making.now_ns += 50;
    struct trace_step step = {
        .step = making.trace.recorded + 1,
        .time_ns = making.now_ns,
        .thread_id = id,
        .object_id = object == NULL ? 0 : trace_intern(&making.trace, objects[at], object),
        .kind = kind,
        .label = label,
        .pc = pc,
    };
    making.result.switches += making.trace.recorded > 0 && making.trace.thread_last != id;
    trace_add(&making.trace, &step);
    making.trace.threads[id].last = step;
    making.result.steps = step.step;
    making.result.time_ns = step.time_ns;
    return &making.trace.steps[making.trace.recorded - 1];
}

static void fail_with(enum finding_kind kind, uint32_t thread_id, const void *pc, const char *title,
                      const char *detail)
{
    struct finding *finding = &making.result.finding;

    finding->kind = kind;
    finding->thread_id = thread_id;
    finding->pc = pc;
    finding->step = making.result.steps;
    finding->time_ns = making.result.time_ns;
    snprintf(finding->title, sizeof(finding->title), "%s", title);
    snprintf(finding->detail, sizeof(finding->detail), "%s", detail);
}

static void compare(const char *path, const char *got, size_t len)
{
    static char want[WANT_BYTES_MAX];
    const char *update = getenv("UPDATE");
    FILE *file = fopen(path, update != NULL ? "w" : "r");

    if (file == NULL) {
        fail_msg("cannot open %s", path);
        return;
    }
    if (update != NULL) {
        fwrite(got, 1, len, file);
        fclose(file);
        return;
    }
    want[fread(want, 1, sizeof(want) - 1, file)] = '\0';
    fclose(file);
    if (strcmp(got, want) != 0)
        fail_msg("%s differs; the story is now:\n%s", path, got);
}

static void check_story(const char *name, unsigned width, bool has_color)
{
    char path[256];
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    struct story story = {
        .trace = &making.trace,
        .result = &making.result,
        .lookup = lookup_place,
        .origin = "pct,d=3, trial 412 of seed 0x5eed",
        .command = "./heddle replay heddle-out/found.scn",
        .file = "heddle-out/found.scn",
        .style = {.width = width, .has_color = has_color},
    };
    story_print(out, &story);
    fclose(out);
    snprintf(path, sizeof(path), "sim/report/testdata/%s.want", name);
    compare(path, text, len);
    free(text);
}

/* Two workers: one holds the listener's lock and spins for the other to leave the fd's handler, the
 * other is in the handler and wants the lock. A third sleeps and a client once connected. */
static void make_deadlock(void)
{
    const void *loop = place("worker_poll", "core/rt/worker.c", 61);
    const void *enter = place("fd_handle", "core/rt/fd.c", 204);
    const void *accept = place("listener_accept", "core/net/listener.c", 88);
    const void *stop_lock = place("listener_stop", "core/net/listener.c", 140);
    const void *delete_or = place("fd_delete", "core/rt/fd.c", 251);
    const void *delete_spin = place("fd_delete", "core/rt/fd.c", 257);
    const void *caller = place("proxy_soft_stop", "core/proxy/stop.c", 33);
    const void *parse = place("h1_parse", "core/http/h1.c", 402);

    add_thread(1, "c1", true);
    add_thread(2, "p.w0", false);
    add_thread(3, "p.w1", false);
    add_thread(4, "p.w2", false);
    for (uint32_t id = 2; id <= 4; id++)
        add_step(id, OP_START, NULL, "start", NULL);
    for (uint32_t i = 0; i < 40; i++)
        add_step(2 + i % 2, OP_LOAD, "task.queue", "&task->queue", parse);
    add_step(4, OP_CALL, "p.epoll", "epoll_wait", loop);
    add_step(1, OP_LANE, NULL, "c1 connects to 10.0.0.1:80", NULL);
    add_step(2, OP_RMW, "fd 5.running_mask", "&entry->running_mask", enter);
    for (uint32_t i = 0; i < 12; i++)
        add_step(2, OP_LOAD, "task.queue", "&task->queue", i % 3 == 0 ? parse : loop);
    add_step(3, OP_LOCK, "fe.lock", "pthread_mutex_lock", stop_lock)->was_preempting = true;
    add_step(3, OP_RMW, "fd 5.thread_mask", "&entry->thread_mask", delete_or)->stack[0] = caller;
    add_step(3, OP_LOAD, "fd 5.running_mask", "&entry->running_mask", delete_spin);
    add_step(2, OP_LOCK, "fe.lock", "pthread_mutex_lock", accept)->stack[0] = loop;
    for (uint32_t i = 0; i < 30; i++)
        add_step(3, OP_LOAD, "fd 5.running_mask", "&entry->running_mask", delete_spin)->stack[0] =
            caller;
    making.trace.threads[2].state = VTHREAD_PARKED;
    making.trace.threads[2].holder_id = 3;
    making.trace.threads[3].state = VTHREAD_PARKED;
    making.trace.threads[4].state = VTHREAD_PARKED;
    fail_with(FINDING_DEADLOCK, TRACE_NOBODY, NULL,
              "deadlock: fe.lock(listener_accept) -> fd 5.running_mask(fd_delete)", "");
}

static void deadlock_shows_the_cycle(void **state)
{
    (void)state;
    make_deadlock();
    check_story("deadlock_shows_the_cycle", 80, false);
}

static void wide_terminal_gets_wide_lanes(void **state)
{
    (void)state;
    make_deadlock();
    check_story("wide_terminal_gets_wide_lanes", 130, false);
}

static void colors_mark_lanes_and_title(void **state)
{
    (void)state;
    make_deadlock();
    check_story("colors_mark_lanes_and_title", 100, true);
}

static void crash_shows_who_freed(void **state)
{
    (void)state;
    const void *find = place("conn_find", "core/quic/conn.c", 71);
    const void *get = place("conn_get", "core/quic/conn.c", 90);
    const void *drop = place("conn_close", "core/quic/conn.c", 181);
    const void *loop = place("worker_loop", "core/rt/worker.c", 44);

    add_thread(1, "p.w0", false);
    add_thread(2, "p.w1", false);
    add_step(1, OP_START, NULL, "start", NULL);
    add_step(2, OP_START, NULL, "start", NULL);
    for (uint32_t i = 0; i < 300; i++)
        add_step(1 + i / 7 % 2, OP_CALL, "p.epoll", "epoll_wait", loop);
    add_step(1, OP_LOCK_READ, "cid.lock", "pthread_rwlock_rdlock", find);
    add_step(1, OP_UNLOCK, "cid.lock", "pthread_rwlock_unlock", find);
    add_step(2, OP_LOCK, "cid.lock", "pthread_rwlock_wrlock", drop)->was_preempting = true;
    add_step(2, OP_UNLOCK, "cid.lock", "pthread_rwlock_unlock", drop);
    add_step(1, OP_RMW, "conn 3.refs", "&conn->refs", get)->was_preempting = true;
    fail_with(FINDING_HEAP_USE_AFTER_FREE, 1, get, "heap-use-after-free read in conn_get",
              "the block: 184 bytes of pool conn\n"
              "allocated by p.w1 in conn_new (core/quic/conn.c:55)\n"
              "freed by p.w1 at step 306 in conn_close (core/quic/conn.c:188)");
    check_story("crash_shows_who_freed", 80, false);
}

/* Three threads that hand a lock round: waits of readers, a try that fails, names of all kinds. */
static void every_kind_of_step_has_words(void **state)
{
    (void)state;
    const void *here = place("f", "core/f.c", 1);

    add_thread(1, "w0", false);
    add_thread(2, "w1", false);
    for (int kind = OP_START; kind < OP_KIND_COUNT; kind++)
        add_step(1, (enum op_kind)kind, kind % 2 == 0 ? "thing" : NULL, "&(a)->b", here);
    add_step(1, OP_LOCK, "a.lock", "lock", here);
    add_step(2, OP_TRY_LOCK, "a.lock", "lock", here);
    add_step(2, OP_LOCK_READ, "a.lock", "lock", here);
    add_step(1, OP_UNLOCK, "a.lock", "lock", here);
    add_step(2, OP_UNLOCK, "a.lock", "lock", here);
    fail_with(FINDING_ASSERT, 2, here, "assert: a == b in f", "");
    check_story("every_kind_of_step_has_words", 80, false);
}

static void run_without_finding_has_a_story_too(void **state)
{
    (void)state;
    const void *here = place("main", "demo.c", 12);

    add_thread(1, "main", false);
    add_step(1, OP_START, NULL, "start", NULL);
    add_step(1, OP_LOCK, "m", "lock", here);
    add_step(1, OP_UNLOCK, "m", "lock", here);
    making.trace.threads[1].state = VTHREAD_DONE;
    check_story("run_without_finding_has_a_story_too", 80, false);
}

/* Twenty threads take turns at one lock: six lanes at most, and no line over the width. */
static void crowd_is_cut_to_the_page(void **state)
{
    (void)state;
    const void *here =
        place("a_function_with_a_rather_long_name_indeed", "core/a/long_file.c", 1234);
    char name[16];

    for (uint32_t id = 1; id <= 20; id++) {
        snprintf(name, sizeof(name), "worker-%u", id);
        add_thread(id, name, false);
        add_step(id, OP_LOCK, "an object with a long name.lock", "lock", here);
        if (id > 1)
            making.trace.threads[id].state = VTHREAD_PARKED;
    }
    fail_with(FINDING_DEADLOCK, TRACE_NOBODY, NULL, "deadlock: everybody", "");
    check_story("crowd_is_cut_to_the_page", 80, false);
}

static void slug_is_made_of_whole_words(void **state)
{
    (void)state;
    char slug[24];
    words_slug("deadlock: a.lock(f) -> b.lock(g)", slug, sizeof(slug));
    assert_string_equal(slug, "deadlock-a-lock-f-b");
    words_slug("Leak: 2 connections", slug, sizeof(slug));
    assert_string_equal(slug, "leak-2-connections");
    words_slug("abcdefghijklmnopqrstuvwxyz", slug, sizeof(slug));
    assert_string_equal(slug, "abcdefghijklmnopqrstuv");
    words_slug("->", slug, sizeof(slug));
    assert_string_equal(slug, "");
}

static void times_have_four_digits(void **state)
{
    (void)state;
    static const struct {
        uint64_t time_ns;
        const char *words;
    } cases[] = {{0, "0ns"},
                 {999, "999ns"},
                 {1000, "1.000us"},
                 {12345, "12.34us"},
                 {104200, "104.2us"},
                 {1204999, "1.204ms"},
                 {999999999, "999.9ms"},
                 {3600000000000, "3600.0s"}};
    char words[32];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        words_time(cases[i].time_ns, words, sizeof(words));
        assert_string_equal(words, cases[i].words);
    }
}

static void nothing_recorded_is_no_story(void **state)
{
    (void)state;
    check_story("nothing_recorded_is_no_story", 80, false);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin_trace, end_trace)
    const struct CMUnitTest tests[] = {
        CASE(deadlock_shows_the_cycle),     CASE(wide_terminal_gets_wide_lanes),
        CASE(colors_mark_lanes_and_title),  CASE(crash_shows_who_freed),
        CASE(every_kind_of_step_has_words), CASE(run_without_finding_has_a_story_too),
        CASE(crowd_is_cut_to_the_page),     CASE(nothing_recorded_is_no_story),
        CASE(slug_is_made_of_whole_words),  CASE(times_have_four_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
