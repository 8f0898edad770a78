/* clang-format off
 *
 * sim/kernel/differential_test.c - the same random calls on the real kernel and on the simulated one.
 *
 * A sequence is drawn from its seed: it opens sockets, pipes, eventfds and epolls in a few slots and
 * makes calls on them. After each call the network is let settle on both sides; the results, errors,
 * data, names and the readiness of every slot must agree, and so must what epoll reports and in
 * which order. A sequence that differs is played again slowly, since a loaded machine may deliver
 * late; only one that differs again counts.
 *
 * What is allowed to differ, and therefore not drawn or not compared:
 *
 *   how much a full buffer holds       Linux counts memory, the model bytes; a fill is drained again
 *                                      on both sides before anything is compared
 *   which port the system picks        compared as "the port of slot n"
 *   which socket of an SO_REUSEPORT    a hash; such groups are bound, never connected to
 *   group gets a flow
 *   sizes of buffers                   not compared
 *   an IPv6 socket that sends to IPv4  Linux mixes up its source addresses; such destinations are
 *   and to IPv6                        not drawn
 *   which end of a connection is told  on loopback the far end is, before the call returns; here it
 *   first, both being in one epoll     takes time
 *   a TCP socket connected to itself   not modelled
 *   out-of-band data                   not modelled
 *   Nagle's delay, SO_PRIORITY by TOS  not modelled; every TCP socket here has TCP_NODELAY
 *   TIME_WAIT skipped on connect       tcp_tw_reuse on loopback; ports are not reused by hand
 *
 * HEDDLE_DIFF_SEED=n plays one sequence and prints it; HEDDLE_DIFF_COUNT=n plays that many, from
 * HEDDLE_DIFF_FIRST on. Known good: Linux 6.18.
 */
/* clang-format on */
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/base/random.h"
#include "sim/kernel/differential.h"
#include "sim/kernel/kernel.h"

/* ---- sequences ---- */

static const struct {
    void (*run)(void);
    uint32_t weight;
} ops[] = {
    {diff_op_socket, 10},     {diff_op_open_other, 5}, {diff_op_epoll_create, 3},
    {diff_op_bind, 8},        {diff_op_listen, 8},     {diff_op_connect, 14},
    {diff_op_accept, 12},     {diff_op_name, 3},       {diff_op_send, 14},
    {diff_op_recv, 16},       {diff_op_sendto, 6},     {diff_op_shutdown, 6},
    {diff_op_close, 6},       {diff_op_dup, 2},        {diff_op_setsockopt, 5},
    {diff_op_linger, 1},      {diff_op_connection, 8}, {diff_op_fill, 1},
    {diff_op_getsockopt, 3},  {diff_op_readable, 2},   {diff_op_epoll_ctl, 14},
    {diff_op_epoll_wait, 14},
};

static void run_op(void)
{
    uint32_t total = 0;
    uint32_t drawn;

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        total += ops[i].weight;
    drawn = diff_draw(total);
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (drawn < ops[i].weight) {
            ops[i].run();
            return;
        }
        drawn -= ops[i].weight;
    }
}

static void fire_step(struct timer *timer)
{
    if (diff.settle_us != 0)
        usleep(diff.settle_us);
    if (diff.next == diff_fill_next || diff.next == diff_drain_next) {
        diff.next();
    } else {
        diff_compare_readiness();
        if (diff.has_failed || (diff.next == NULL && diff.ops_left-- == 0))
            return;
        if (diff.next != NULL)
            diff.next();
        else
            run_op();
    }
    timer_arm(timer, diff.lane, sched_now_ns() + STEP_NS, fire_step, NULL);
}

static void start(void *context)
{
    (void)context;
    sim_side_begin();
    diff.lane = sched_lane_new("test");
    memset(&diff.timer, 0, sizeof(diff.timer));
    timer_arm(&diff.timer, diff.lane, STEP_NS, fire_step, NULL);
}

static bool quiet(void *context, uint64_t next_due_ns)
{
    (void)context;
    (void)next_due_ns;
    return timer_is_armed(&diff.timer);
}

static void finish(void *context)
{
    (void)context;
    for (int i = 0; i < SLOTS; i++) {
        struct linger linger = {.l_onoff = 1}; /* leave no TIME_WAIT behind */
        if (diff.slots[i].kind == NONE)
            continue;
        if (diff.slots[i].kind == TCP)
            real_side.setsockopt(diff.slots[i].fd[0], SOL_SOCKET, SO_LINGER, &linger,
                                 sizeof(linger));
        real_side.close(diff.slots[i].fd[0]);
    }
    kernel_end();
}

static bool play(uint64_t seed, unsigned settle_us)
{
    struct run_spec spec = {.start = start, .quiet = quiet, .finish = finish};
    struct run_result result;

    memset(diff.slots, 0, sizeof(diff.slots));
    diff.random = random_mix(seed);
    diff.ops_left = OPS_MIN + diff_draw(OPS_MAX - OPS_MIN + 1);
    diff.settle_us = settle_us;
    diff.has_failed = false;
    diff.next = NULL;
    diff.log_used = 0;
    diff.home.s_addr = htonl(0x7f000000u | (uint32_t)(2 + random_mix(seed + 77) % 0xfffff0));
    sched_run(&spec, &result);
    return !diff.has_failed;
}

static bool machine_has_v6(void)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int64_t fd = real_side.socket(AF_INET6, SOCK_STREAM);
    bool has_v6;

    if (fd < 0)
        return false;
    has_v6 = real_side.bind((int)fd, (struct sockaddr *)&name, sizeof(name)) == 0;
    real_side.close((int)fd);
    return has_v6;
}

static void the_simulated_kernel_answers_as_linux_does(void **state)
{
    const char *one = getenv("HEDDLE_DIFF_SEED");
    const char *many = getenv("HEDDLE_DIFF_COUNT");
    const char *from = getenv("HEDDLE_DIFF_FIRST");
    uint64_t first = from == NULL ? 1 : strtoull(from, NULL, 0);
    uint64_t count = many == NULL ? SEQUENCES : strtoull(many, NULL, 0);
    uint64_t failures = 0;
    uint64_t slow = 0;

    (void)state;
    sched_init();
    signal(SIGPIPE, SIG_IGN);
    diff.has_v6 = machine_has_v6();
    if (one != NULL) {
        bool is_same = play(strtoull(one, NULL, 0),
                            getenv("HEDDLE_DIFF_SLOW") == NULL ? 0 : SETTLE_SLOWEST_US);
        printf("%s", diff.log);
        assert_true(is_same);
        return;
    }
    for (uint64_t seed = first; seed < first + count && failures < 5; seed++) {
        if (play(seed, 0))
            continue;
        slow++;
        if (play(seed, SETTLE_SLOW_US) || play(seed, SETTLE_SLOWEST_US))
            continue;
        failures++;
        printf("seed %llu (HEDDLE_DIFF_SEED=%llu):\n%s\n", (unsigned long long)seed,
               (unsigned long long)seed, diff.log);
    }
    printf("%llu sequences, %llu played again slowly, %llu differ\n", (unsigned long long)count,
           (unsigned long long)slow, (unsigned long long)failures);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_simulated_kernel_answers_as_linux_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
