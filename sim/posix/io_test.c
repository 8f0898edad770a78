/*
 * sim/posix/io_test.c - calls about files as programs make them: waiting, time-outs, closing under
 * a reader, faults, and the findings that watch over them. Signals: io_signal_test.c.
 *
 * Each test is a program, run under the dull schedule or under many random ones.
 */
#include "sim/posix/testing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "sim/kernel/kernel.h"
#include "sim/memory/heap.h"

enum { SEEDS = 300 };

/* The exit status is the line of the first thing that was not so. */
#define NEED(expr)                                                                                 \
    do {                                                                                           \
        if (!(expr))                                                                               \
            exit(__LINE__ & 0xff);                                                                 \
    } while (0)

static uint64_t now_ms(void)
{
    struct timespec time;

    NEED(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in name = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    NEED(fd >= 0);
    NEED(bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0);
    NEED(listen(fd, 10) == 0);
    return fd;
}

static int connect_on(uint16_t port)
{
    struct sockaddr_in name = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    NEED(fd >= 0);
    NEED(connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0);
    return fd;
}

/* ---- waiting ---- */

static void *echo_once(void *arg)
{
    int listener = *(int *)arg;
    char data[64];
    int fd = accept(listener, NULL, NULL);
    ssize_t got;

    NEED(fd >= 0);
    while ((got = read(fd, data, sizeof(data))) > 0) {
        for (ssize_t put = 0; put < got;) {
            ssize_t count = write(fd, data + put, (size_t)(got - put));
            NEED(count > 0);
            put += count;
        }
    }
    NEED(got == 0);
    NEED(close(fd) == 0);
    return NULL;
}

static int echoes(void *arg)
{
    static char sent[100000];
    static char back[100000];
    int listener = listen_on(80);
    pthread_t thread;
    size_t got = 0;
    size_t put = 0;
    int fd;

    (void)arg;
    NEED(pthread_create(&thread, NULL, echo_once, &listener) == 0);
    fd = connect_on(80);
    for (size_t i = 0; i < 300; i++)
        sent[i] = (char)(i * 7);
    while (put < 300) {
        ssize_t count = write(fd, sent + put, 300 - put);
        NEED(count > 0);
        put += (size_t)count;
    }
    NEED(shutdown(fd, SHUT_WR) == 0);
    for (;;) {
        ssize_t count = recv(fd, back + got, sizeof(back) - got, 0);
        NEED(count >= 0);
        if (count == 0)
            break;
        got += (size_t)count;
    }
    NEED(got == 300 && memcmp(sent, back, got) == 0);
    NEED(close(fd) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    return 0;
}

static void blocking_sockets_echo(void **state)
{
    (void)state;
    expect_always_ok(echoes, SEEDS);
    expect_deterministic(echoes, 20);
}

static int pair[2];

static void *write_all(void *arg)
{
    static char data[300000];

    (void)arg;
    NEED(send(pair[0], data, sizeof(data), 0) == sizeof(data));
    NEED(close(pair[0]) == 0);
    return NULL;
}

/* A blocking send of more than fits returns when all is gone. */
static int long_send(void *arg)
{
    static char data[5000];
    size_t total = 0;
    ssize_t got;
    pthread_t thread;

    (void)arg;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    NEED(pthread_create(&thread, NULL, write_all, NULL) == 0);
    while ((got = recv(pair[1], data, sizeof(data), MSG_WAITALL)) > 0) {
        total += (size_t)got;
        NEED(got == sizeof(data) || total == 300000);
    }
    NEED(total == 300000);
    NEED(pthread_join(thread, NULL) == 0);
    return 0;
}

static void a_blocking_send_sends_all(void **state)
{
    (void)state;
    expect_always_ok(long_send, 50);
}

/* ---- events between threads ---- */

static int wake_fd;
static int done_fd;

static void *wait_for_wake(void *arg)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = wake_fd};
    int epoll = epoll_create1(0);
    uint64_t value;

    (void)arg;
    NEED(epoll >= 0);
    NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, wake_fd, &event) == 0);
    NEED(epoll_wait(epoll, &event, 1, -1) == 1);
    NEED(event.data.fd == wake_fd && event.events == EPOLLIN);
    NEED(read(wake_fd, &value, sizeof(value)) == sizeof(value) && value == 1);
    NEED(eventfd_write(done_fd, 1) == 0);
    NEED(close(epoll) == 0);
    return NULL;
}

static int wakes(void *arg)
{
    pthread_t threads[2];
    uint64_t value;

    (void)arg;
    wake_fd = eventfd(0, EFD_SEMAPHORE);
    done_fd = eventfd(0, EFD_SEMAPHORE);
    for (int i = 0; i < 2; i++)
        NEED(pthread_create(&threads[i], NULL, wait_for_wake, NULL) == 0);
    NEED(eventfd_write(wake_fd, 2) == 0);
    for (int i = 0; i < 2; i++)
        NEED(eventfd_read(done_fd, &value) == 0 && value == 1);
    for (int i = 0; i < 2; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    return 0;
}

static void eventfds_wake_sleeping_threads(void **state)
{
    (void)state;
    expect_always_ok(wakes, SEEDS);
}

/* A reader keeps its file: what another thread does to the number does not reach it. */
static void *close_then_send(void *arg)
{
    (void)arg;
    NEED(close(pair[1]) == 0);
    (void)send(pair[0], "x", 1, MSG_NOSIGNAL);
    return NULL;
}

static int read_from_closed_fd(void *arg)
{
    pthread_t thread;
    char data[8];

    (void)arg;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    NEED(pthread_create(&thread, NULL, close_then_send, NULL) == 0);
    ssize_t got = read(pair[1], data, sizeof(data));
    if (got == -1 && errno == EBADF)
        return 1; /* closed before the read began; the peer's send failed then */
    NEED(got == 1);
    NEED(pthread_join(thread, NULL) == 0);
    return 2;
}

static void a_reader_keeps_a_file_that_is_closed_under_it(void **state)
{
    (void)state;
    expect_status_within(read_from_closed_fd, 2, SEEDS);
}

/* ---- time ---- */

static int time_outs(void *arg)
{
    struct timeval limit = {.tv_usec = 20000};
    struct timespec wait = {.tv_nsec = 30000000};
    struct pollfd fd;
    struct epoll_event event;
    fd_set set;
    char byte;
    uint64_t began = now_ms();
    int epoll = epoll_create1(0);

    (void)arg;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    NEED(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
    NEED(recv(pair[0], &byte, 1, 0) == -1 && errno == EAGAIN);
    NEED(now_ms() - began >= 20 && now_ms() - began <= 21);
    fd = (struct pollfd){.fd = pair[0], .events = POLLIN};
    NEED(poll(&fd, 1, 10) == 0);
    NEED(now_ms() - began >= 30 && now_ms() - began <= 31);
    NEED(ppoll(&fd, 1, &wait, NULL) == 0);
    NEED(now_ms() - began >= 60 && now_ms() - began <= 61);
    FD_ZERO(&set);
    FD_SET(pair[0], &set);
    NEED(select(pair[0] + 1, &set, NULL, NULL, &limit) == 0);
    NEED(!FD_ISSET(pair[0], &set) && limit.tv_usec == 0);
    NEED(now_ms() - began >= 80 && now_ms() - began <= 81);
    NEED(epoll_wait(epoll, &event, 1, 20) == 0);
    NEED(now_ms() - began >= 100 && now_ms() - began <= 101);
    NEED(send(pair[1], "x", 1, 0) == 1);
    FD_SET(pair[0], &set);
    NEED(select(pair[0] + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(pair[0], &set));
    fd.events |= POLLOUT;
    NEED(poll(&fd, 1, -1) == 1 && fd.revents == (POLLIN | POLLOUT));
    fd.fd = 99;
    NEED(poll(&fd, 1, -1) == 1 && fd.revents == POLLNVAL);
    return 0;
}

static void waits_end_in_time(void **state)
{
    (void)state;
    expect_always_ok(time_outs, 1);
}

static int periodic(void *arg)
{
    struct itimerspec spec = {.it_value = {.tv_nsec = 5000000},
                              .it_interval = {.tv_nsec = 5000000}};
    uint64_t began = now_ms();
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    uint64_t ticks;

    (void)arg;
    NEED(timerfd_settime(fd, 0, &spec, NULL) == 0);
    for (int i = 1; i <= 3; i++) {
        NEED(read(fd, &ticks, sizeof(ticks)) == sizeof(ticks));
        NEED(ticks == 1);
        NEED(now_ms() - began == (uint64_t)i * 5);
    }
    return 0;
}

static void timerfds_tick_in_virtual_time(void **state)
{
    (void)state;
    expect_always_ok(periodic, 1);
}

/* ---- faults and findings ---- */

static int planned_faults(void *arg)
{
    struct process *process = process_first();
    char data[8];

    (void)arg;
    NEED(kernel_fault_add(process, "socketpair", 2, ENFILE, 0) == 0);
    NEED(kernel_fault_add(process, "read", 1, 0, 3) == 0);
    NEED(kernel_fault_add(process, "write", 2, 0, 1) == 0);
    NEED(kernel_fault_add(process, "close", 1, EIO, 0) == 0);
    NEED(kernel_fault_add(process, "frobnicate", 1, EIO, 0) == -ENOENT);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 && errno == ENFILE);
    NEED(write(pair[0], "12345678", 8) == 8);
    NEED(write(pair[0], "12345678", 8) == 1);
    NEED(read(pair[1], data, sizeof(data)) == 3);
    NEED(read(pair[1], data, sizeof(data)) == 6);
    NEED(close(pair[0]) == -1 && errno == EIO);
    NEED(close(pair[0]) == -1 && errno == EBADF); /* Linux closed it all the same */
    return 0;
}

static void the_nth_call_fails_as_planned(void **state)
{
    (void)state;
    expect_always_ok(planned_faults, 1);
}

__attribute__((noinline)) static void close_twice(void)
{
    int fd = eventfd(0, 0);

    NEED(close(fd) == 0);
    NEED(close(fd) == -1 && errno == EBADF);
}

static int lenient(void *arg)
{
    (void)arg;
    close_twice();
    return 0;
}

static int strict(void *arg)
{
    (void)arg;
    process_first()->strict_fds = true;
    close_twice();
    return 0;
}

static void using_a_closed_fd_is_a_finding(void **state)
{
    (void)state;
    expect_always_ok(lenient, 1);
    expect_finding(strict, FINDING_FD_MISUSE, "fd-misuse: close of fd 3, not open, in close_twice");
}

__attribute__((noinline)) static void spin(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    int fd = eventfd(1, 0);

    NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    for (;;)
        NEED(epoll_wait(epoll, &event, 1, -1) == 1);
}

static int spins(void *arg)
{
    (void)arg;
    spin();
    return 0;
}

static void handling_no_event_is_a_livelock(void **state)
{
    (void)state;
    expect_finding(spins, FINDING_LIVELOCK,
                   "livelock: epoll_wait reports fd 4 (eventfd) and spin does nothing");
}

static void *handle_slowly(void *arg)
{
    struct timespec wait = {.tv_nsec = 5000000};
    uint64_t value;

    (void)arg;
    NEED(nanosleep(&wait, NULL) == 0);
    NEED(read(wake_fd, &value, sizeof(value)) == sizeof(value));
    return NULL;
}

/* Another thread handles the event, but late. */
static int handled_late(void *arg)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    pthread_t thread;

    (void)arg;
    wake_fd = eventfd(1, 0);
    NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, wake_fd, &event) == 0);
    NEED(pthread_create(&thread, NULL, handle_slowly, NULL) == 0);
    while (epoll_wait(epoll, &event, 1, 0) == 1)
        ;
    NEED(pthread_join(thread, NULL) == 0);
    return 0;
}

static void an_event_handled_late_is_none(void **state)
{
    (void)state;
    expect_always_ok(handled_late, 100);
}

__attribute__((noinline)) static void fork_off(void)
{
    (void)fork();
    (void)now_ms(); /* not a tail call */
}

static int forks(void *arg)
{
    (void)arg;
    fork_off();
    return 0;
}

__attribute__((noinline)) static void open_full(void)
{
    NEED(open("/dev/null", O_RDWR) == 3);
    (void)open("/dev/full", O_RDONLY);
    (void)now_ms();
}

static int opens(void *arg)
{
    (void)arg;
    open_full();
    return 0;
}

static void what_is_not_simulated_is_a_finding(void **state)
{
    (void)state;
    expect_finding(forks, FINDING_UNSUPPORTED, "unsupported: fork in fork_off");
    expect_finding(opens, FINDING_UNSUPPORTED,
                   "unsupported: open of /dev/full, a special file, in open_full");
}

__attribute__((noinline)) static void read_into_freed(char *freed)
{
    NEED(read(pair[1], freed, 8) == 8);
    (void)now_ms();
}

static int reads_into_freed(void *arg)
{
    char *buffer = malloc(8);

    (void)arg;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    NEED(write(pair[0], "12345678", 8) == 8);
    free(buffer);
    read_into_freed(buffer);
    return 0;
}

static void a_call_may_not_write_to_freed_memory(void **state)
{
    (void)state;
    if (heap_has_shadow) /* else it is the sanitizer's business */
        expect_finding(reads_into_freed, FINDING_HEAP_USE_AFTER_FREE,
                       "heap-use-after-free write in read_into_freed");
}

/* ---- the process ends while threads wait ---- */

static void *wait_for_ever(void *arg)
{
    char byte;

    (void)arg;
    (void)read(pair[0], &byte, 1);
    return NULL;
}

static int exit_under_readers(void *arg)
{
    pthread_t thread;
    struct timespec wait = {.tv_nsec = 1000};

    (void)arg;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    for (int i = 0; i < 3; i++)
        NEED(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
    NEED(nanosleep(&wait, NULL) == 0);
    exit(0);
}

static void exit_takes_waiting_threads_along(void **state)
{
    (void)state;
    expect_always_ok(exit_under_readers, SEEDS);
}

static int random_numbers(void *arg)
{
    uint64_t a = 0;
    uint64_t b = 0;
    int fd = open("/dev/urandom", O_RDONLY);

    (void)arg;
    NEED(getrandom(&a, sizeof(a), 0) == sizeof(a));
    NEED(read(fd, &b, sizeof(b)) == sizeof(b));
    NEED(a != b);
    return (int)(a % 100);
}

static void random_bytes_are_the_runs(void **state)
{
    struct run_result result;
    int first;
    int second;

    (void)state;
    run_seed(random_numbers, 7, &result);
    first = program_exit_status();
    run_seed(random_numbers, 8, &result);
    second = program_exit_status();
    run_seed(random_numbers, 7, &result);
    assert_int_equal(first, program_exit_status());
    assert_int_not_equal(first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocking_sockets_echo),
        cmocka_unit_test(a_blocking_send_sends_all),
        cmocka_unit_test(eventfds_wake_sleeping_threads),
        cmocka_unit_test(a_reader_keeps_a_file_that_is_closed_under_it),
        cmocka_unit_test(waits_end_in_time),
        cmocka_unit_test(timerfds_tick_in_virtual_time),
        cmocka_unit_test(the_nth_call_fails_as_planned),
        cmocka_unit_test(using_a_closed_fd_is_a_finding),
        cmocka_unit_test(handling_no_event_is_a_livelock),
        cmocka_unit_test(an_event_handled_late_is_none),
        cmocka_unit_test(what_is_not_simulated_is_a_finding),
        cmocka_unit_test(a_call_may_not_write_to_freed_memory),
        cmocka_unit_test(exit_takes_waiting_threads_along),
        cmocka_unit_test(random_bytes_are_the_runs),
    };

    program_kernel_set(true);
    return TESTS_RUN(tests);
}
