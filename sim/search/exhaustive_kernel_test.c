/*
 * sim/search/exhaustive_kernel_test.c - kernel objects: what is unrelated is not permuted, and
 * nothing that can be observed is lost by that.
 *
 * Goal: the objects that a call touches (sim/kernel/footprint.h) are enough. Method: small programs
 * made at random use eventfds, pipes, socket pairs, an epoll set and descriptors. Each is explored
 * twice: once with every kernel call dependent on every other, once with objects. What the threads
 * get to see, taken over all runs, is the same both times; the second takes fewer runs. A few
 * programs are counted by hand besides.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/base/random.h"
#include "sim/posix/program.h"
#include "sim/sched/dependence.h"
#include "sim/search/exhaustive.h"

enum { THREADS_MAX = 3, ACTS_MAX = 4, OUTCOMES_MAX = 4096, PROGRAMS = 1000 };

enum act {
    ADD_0,
    ADD_1,
    TAKE_0,
    TAKE_1,
    PIPE_WRITE,
    PIPE_READ,
    PAIR_SEND,
    PAIR_RECEIVE,
    PAIR_SHUT,
    EPOLL_WAIT,
    EPOLL_ADD,
    DUP,
    NEW_EVENTFD,
    CLOSE_OWN,
    ACT_COUNT
};

static struct {
    unsigned threads;
    unsigned counts[THREADS_MAX];
    enum act acts[THREADS_MAX][ACTS_MAX];
} plan;

static struct {
    int events[2];
    int pipe[2];
    int pair[2];
    int epoll;
    uint64_t seen[THREADS_MAX]; /* results of the thread's acts, mixed */
} world;

/* ---- the program ---- */

static int wait_epoll(void)
{
    struct epoll_event events[4];
    int count = epoll_wait(world.epoll, events, 4, 0);
    int sum = count;

    for (int i = 0; i < count; i++)
        sum = sum * 31 + (int)events[i].data.u32 * 7 + (int)events[i].events;
    return sum;
}

static int act_out(enum act act, int *own)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = 5}};
    uint64_t value = 1;
    char byte = 'x';

    switch (act) {
    case ADD_0:
    case ADD_1:
        return (int)write(world.events[act - ADD_0], &value, sizeof(value));
    case TAKE_0:
    case TAKE_1:
        return read(world.events[act - TAKE_0], &value, sizeof(value)) < 0 ? -errno : (int)value;
    case PIPE_WRITE:
        return (int)write(world.pipe[1], &byte, 1);
    case PIPE_READ:
        return (int)read(world.pipe[0], &byte, 1);
    case PAIR_SEND:
        return send(world.pair[0], &byte, 1, MSG_NOSIGNAL) < 0 ? -errno : 1;
    case PAIR_RECEIVE:
        return recv(world.pair[1], &byte, 1, MSG_DONTWAIT) < 0 ? -errno : (int)byte;
    case PAIR_SHUT:
        return shutdown(world.pair[0], SHUT_WR);
    case EPOLL_WAIT:
        return wait_epoll();
    case EPOLL_ADD:
        return epoll_ctl(world.epoll, EPOLL_CTL_ADD, world.events[1], &event) < 0 ? -errno : 0;
    case DUP:
        *own = dup(world.events[0]);
        return *own;
    case NEW_EVENTFD:
        *own = eventfd(0, EFD_NONBLOCK);
        return *own;
    case CLOSE_OWN: {
        int fd = *own;
        *own = -1;
        return fd < 0 ? 0 : close(fd);
    }
    case ACT_COUNT:
        break;
    }
    return 0;
}

static void *run_thread(void *arg)
{
    unsigned thread = (unsigned)(uintptr_t)arg;
    int own = -1;

    for (unsigned i = 0; i < plan.counts[thread]; i++)
        world.seen[thread] = random_mix(
            world.seen[thread] ^ (uint64_t)(int64_t)act_out(plan.acts[thread][i], &own) << 8 ^ i);
    return NULL;
}

static int run_plan(void *arg)
{
    struct epoll_event event = {.events = EPOLLIN};
    pthread_t threads[THREADS_MAX];

    (void)arg;
    memset(&world, 0, sizeof(world));
    for (int i = 0; i < 2; i++)
        world.events[i] = eventfd(0, EFD_NONBLOCK);
    if (pipe2(world.pipe, O_NONBLOCK) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, world.pair) != 0)
        return 1;
    world.epoll = epoll_create1(0);
    event.data.u32 = 1;
    epoll_ctl(world.epoll, EPOLL_CTL_ADD, world.events[0], &event);
    event.data.u32 = 2;
    epoll_ctl(world.epoll, EPOLL_CTL_ADD, world.pipe[0], &event);
    for (unsigned i = 0; i < plan.threads; i++)
        pthread_create(&threads[i], NULL, run_thread, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < plan.threads; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static void prepare(void *context, struct run_spec *spec)
{
    program_prepare(run_plan, context, spec);
}

/* ---- what is seen ---- */

struct outcomes {
    uint64_t names[OUTCOMES_MAX];
    size_t count;
};

static void note(void *context, const struct exhaustive_run *run)
{
    struct outcomes *outcomes = context;
    uint64_t name = 0;

    if (run->is_blocked)
        return;
    if (run->result->finding.kind != FINDING_NONE)
        fail_msg("%s", run->result->finding.title);
    for (unsigned i = 0; i < plan.threads; i++)
        name = random_mix(name ^ world.seen[i]);
    for (size_t i = 0; i < outcomes->count; i++)
        if (outcomes->names[i] == name)
            return;
    assert_true(outcomes->count < OUTCOMES_MAX);
    outcomes->names[outcomes->count++] = name;
}

static int compare_names(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

/* A run's kernel makes the scheduler know its objects; this takes it back. */
static void know_nothing(const struct op *op, struct action *action)
{
    (void)op;
    action->scope = SCOPE_KERNEL;
}

static bool has_objects;
static void (*with_objects)(const struct op *op, struct action *action);

static int run_plan_coarsely(void *arg)
{
    if (with_objects == NULL)
        with_objects = action_kernel_touches;
    action_kernel_touches = has_objects ? with_objects : know_nothing;
    return run_plan(arg);
}

static void prepare_either(void *context, struct run_spec *spec)
{
    program_prepare(run_plan_coarsely, context, spec);
}

static void explore(bool is_fine, struct outcomes *outcomes, struct search_result *result)
{
    const struct target target = {.name = "kernel", .prepare = is_fine ? prepare : prepare_either};
    const struct search_spec search = {.target = &target, .keep_going = true};
    const struct exhaustive_spec spec = {.search = &search, .each = note, .context = outcomes};

    outcomes->count = 0;
    has_objects = is_fine;
    exhaustive_run(&spec, result);
    assert_true(result->extent.is_complete);
    qsort(outcomes->names, outcomes->count, sizeof(outcomes->names[0]), compare_names);
}

/* ---- tests ---- */

static void make_plan(uint64_t seed)
{
    uint64_t state = seed * 6151;

    memset(&plan, 0, sizeof(plan));
    plan.threads = 2 + random_below(&state, 2);
    for (unsigned t = 0; t < plan.threads; t++) {
        plan.counts[t] = plan.threads == 2 ? 4 : 1 + random_below(&state, 2);
        for (unsigned i = 0; i < plan.counts[t]; i++)
            plan.acts[t][i] = (enum act)random_below(&state, ACT_COUNT);
    }
}

static void nothing_is_lost_by_knowing_objects(void **state)
{
    static struct outcomes coarse;
    static struct outcomes fine;
    static struct search_result result;
    uint64_t coarse_traces = 0;
    uint64_t fine_traces = 0;
    uint64_t seen = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        make_plan(seed);
        explore(false, &coarse, &result);
        coarse_traces += result.extent.traces;
        explore(true, &fine, &result);
        fine_traces += result.extent.traces;
        seen += coarse.count;
        if (coarse.count != fine.count ||
            memcmp(coarse.names, fine.names, fine.count * sizeof(fine.names[0])) != 0)
            fail_msg("program %lu: %zu outcomes without objects, %zu with them",
                     (unsigned long)seed, coarse.count, fine.count);
    }
    printf(
        "%d programs, %lu outcomes: %lu traces when all calls are one object, %lu with objects\n",
        PROGRAMS, (unsigned long)seen, (unsigned long)coarse_traces, (unsigned long)fine_traces);
    assert_true(seen > PROGRAMS);
    assert_true(fine_traces < coarse_traces / 2);
}

struct count {
    const char *name;
    enum act acts[THREADS_MAX];
    unsigned threads;
    uint64_t traces;
};

static const struct count counts[] = {
    /* Nothing in common. */
    {"an eventfd and a socket pair", {ADD_1, PAIR_SEND}, 2, 1},
    {"a pipe, an eventfd, a socket pair", {PIPE_WRITE, ADD_1, PAIR_SEND}, 3, 1},
    /* One object, two orders; its other end is the same object. */
    {"an eventfd twice", {ADD_1, TAKE_1}, 2, 2},
    {"both ends of a pipe", {PIPE_WRITE, PIPE_READ}, 2, 2},
    {"both ends of a socket pair", {PAIR_SEND, PAIR_RECEIVE}, 2, 2},
    /* The set watches both, and whoever is first is reported first. */
    {"two files of one epoll set", {ADD_0, PIPE_WRITE}, 2, 2},
    {"a wait for one of them", {ADD_0, EPOLL_WAIT}, 2, 2},
    {"a wait and a file it does not watch", {ADD_1, EPOLL_WAIT}, 2, 1},
    /* The lowest free number. */
    {"two new descriptors", {NEW_EVENTFD, NEW_EVENTFD}, 2, 2},
    {"a new descriptor and a read", {NEW_EVENTFD, TAKE_1}, 2, 1},
};

static void unrelated_files_are_not_permuted(void **state)
{
    static struct outcomes outcomes;
    static struct search_result result;

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        memset(&plan, 0, sizeof(plan));
        plan.threads = counts[i].threads;
        for (unsigned t = 0; t < plan.threads; t++) {
            plan.counts[t] = 1;
            plan.acts[t][0] = counts[i].acts[t];
        }
        explore(true, &outcomes, &result);
        if (result.extent.traces != counts[i].traces)
            fail_msg("%s: %lu traces, not %lu", counts[i].name, (unsigned long)result.extent.traces,
                     (unsigned long)counts[i].traces);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unrelated_files_are_not_permuted),
        cmocka_unit_test(nothing_is_lost_by_knowing_objects),
    };

    program_kernel_set(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
