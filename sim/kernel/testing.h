/*
 * sim/kernel/testing.h - tests of the kernel alone: steps of a lane, so much virtual time apart.
 *
 * Between two steps the network does what is due. CHECK notes a failure and the test reports it
 * after the run, since nobody may jump out of a run.
 */
#ifndef SIM_KERNEL_TESTING_H
#define SIM_KERNEL_TESTING_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/kernel/kernel.h"

#define MS UINT64_C(1000000)
#define SECONDS (1000 * MS)

#define CHECK(expr)                                                                                \
    do {                                                                                           \
        if (!(expr) && testing.failed == NULL) {                                                   \
            testing.failed = #expr;                                                                \
            testing.line = __LINE__;                                                               \
        }                                                                                          \
    } while (0)
#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        long long check_a = (long long)(a);                                                        \
        long long check_b = (long long)(b);                                                        \
        if (check_a != check_b && testing.failed == NULL) {                                        \
            testing.failed = #a " == " #b;                                                         \
            testing.line = __LINE__;                                                               \
            testing.left = check_a;                                                                \
            testing.right = check_b;                                                               \
        }                                                                                          \
    } while (0)

static struct {
    const char *failed;
    int line;
    long long left;
    long long right;

    void (*const *steps)(void);
    size_t step;
    uint64_t gap_ns;
    struct timer timer;
    struct vthread *lane;
    struct process *a; /* 10.0.0.1 and 10.0.0.2 */
    struct process *b; /* 10.1.0.1 */
} testing;

static struct process *testing_process(const char *name, const char *first, const char *second)
{
    struct host *host = host_new(name);
    struct ip ip;

    CHECK(ip_parse(first, &ip) && host_add_address(host, &ip) == 0);
    if (second != NULL)
        CHECK(ip_parse(second, &ip) && host_add_address(host, &ip) == 0);
    return process_new(name, host, false);
}

static void testing_fire(struct timer *timer)
{
    if (testing.steps[testing.step] == NULL || testing.failed != NULL)
        return;
    testing.steps[testing.step++]();
    timer_arm(timer, testing.lane, sched_now_ns() + testing.gap_ns, testing_fire, NULL);
}

static void testing_start(void *context)
{
    (void)context;
    kernel_begin();
    testing.a = testing_process("a", "10.0.0.1", "10.0.0.2");
    testing.b = testing_process("b", "10.1.0.1", NULL);
    testing.lane = sched_lane_new("test");
    memset(&testing.timer, 0, sizeof(testing.timer));
    timer_arm(&testing.timer, testing.lane, 0, testing_fire, NULL);
}

static bool testing_quiet(void *context, uint64_t next_due_ns)
{
    (void)context;
    (void)next_due_ns;
    return timer_is_armed(&testing.timer);
}

static void testing_finish(void *context)
{
    (void)context;
    kernel_end();
}

/* Runs `steps` (up to a NULL), `gap_ns` of virtual time apart. Seed 0 is the dull run. */
__attribute__((unused)) static void run_steps(void (*const *steps)(void), uint64_t gap_ns,
                                              uint64_t seed)
{
    struct run_spec spec = {
        .source = {.kind = seed == 0 ? CHOICE_FROM_DULL : CHOICE_FROM_SEED, .seed = seed},
        .start = testing_start,
        .quiet = testing_quiet,
        .finish = testing_finish,
    };
    struct run_result result;

    sched_init();
    memset(&testing, 0, sizeof(testing));
    testing.steps = steps;
    testing.gap_ns = gap_ns;
    sched_run(&spec, &result);
    if (testing.failed != NULL)
        fail_msg("line %d, seed %llu: %s (%lld, %lld)", testing.line, (unsigned long long)seed,
                 testing.failed, testing.left, testing.right);
    assert_int_equal(result.finding.kind, FINDING_NONE);
}

__attribute__((unused)) static struct sockaddr_in at(const char *ip, uint16_t port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};

    CHECK_EQ(inet_pton(AF_INET, ip, &name.sin_addr), 1);
    return name;
}

__attribute__((unused)) static int connect_to(struct process *process, int fd, const char *ip,
                                              uint16_t port)
{
    struct sockaddr_in name = at(ip, port);
    return kernel_connect(process, fd, (struct sockaddr *)&name, sizeof(name));
}

__attribute__((unused)) static int bind_to(struct process *process, int fd, const char *ip,
                                           uint16_t port)
{
    struct sockaddr_in name = at(ip, port);
    return kernel_bind(process, fd, (struct sockaddr *)&name, sizeof(name));
}

/* A listener of testing.a at 10.0.0.1:80. */
__attribute__((unused)) static int listen_at_a(int backlog)
{
    int fd = kernel_socket(testing.a, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    CHECK_EQ(bind_to(testing.a, fd, "10.0.0.1", 80), 0);
    CHECK_EQ(kernel_listen(testing.a, fd, backlog), 0);
    return fd;
}

__attribute__((unused)) static int connect_from_b(void)
{
    int fd = kernel_socket(testing.b, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    CHECK_EQ(connect_to(testing.b, fd, "10.0.0.1", 80), -EINPROGRESS);
    return fd;
}

__attribute__((unused)) static int error_of(struct process *process, int fd)
{
    int error = 0;
    socklen_t len_bytes = sizeof(error);

    CHECK_EQ(kernel_getsockopt(process, fd, SOL_SOCKET, SO_ERROR, &error, &len_bytes), 0);
    return error;
}

#endif
