/*
 * sim/posix/io_signal_test.c - calls about files that signals interrupt, and SIGPIPE.
 *
 * Each test is a program, run under the dull schedule or under many random ones.
 */
#include "sim/posix/testing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/kernel/kernel.h"

enum { SEEDS = 300 };

/* The exit status is the line of the first thing that was not so. */
#define NEED(expr)                                                                                 \
    do {                                                                                           \
        if (!(expr))                                                                               \
            exit(__LINE__ & 0xff);                                                                 \
    } while (0)

static int pair[2];

static volatile sig_atomic_t signals_seen;

static void note_signal(int signo)
{
    signals_seen += signo == SIGUSR1;
}

static void *interrupt(void *arg)
{
    struct timespec wait = {.tv_nsec = 1000000};

    NEED(nanosleep(&wait, NULL) == 0);
    NEED(pthread_kill(*(pthread_t *)arg, SIGUSR1) == 0);
    NEED(nanosleep(&wait, NULL) == 0);
    NEED(write(pair[1], "x", 1) == 1);
    return NULL;
}

static int read_interrupted(int flags)
{
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = flags};
    pthread_t self = pthread_self();
    pthread_t thread;
    char byte;
    ssize_t got;

    signals_seen = 0;
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    NEED(pthread_create(&thread, NULL, interrupt, &self) == 0);
    got = read(pair[0], &byte, 1);
    NEED(signals_seen == 1);
    NEED(got == 1 || errno == EINTR);
    NEED(pthread_join(thread, NULL) == 0);
    return got == 1 ? 1 : 2;
}

static int read_not_restarted(void *arg)
{
    (void)arg;
    return read_interrupted(0) == 2 ? 0 : 1;
}

static int read_restarted(void *arg)
{
    (void)arg;
    return read_interrupted(SA_RESTART) == 1 ? 0 : 1;
}

static int epoll_never_restarted(void *arg)
{
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    pthread_t self = pthread_self();
    pthread_t thread;
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);

    (void)arg;
    signals_seen = 0;
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event) == 0);
    NEED(pthread_create(&thread, NULL, interrupt, &self) == 0);
    NEED(epoll_wait(epoll, &event, 1, -1) == -1 && errno == EINTR);
    NEED(signals_seen == 1);
    NEED(epoll_wait(epoll, &event, 1, -1) == 1);
    NEED(pthread_join(thread, NULL) == 0);
    return 0;
}

/* The mask of epoll_pwait lets in what is blocked otherwise, and is taken back after. */
static int masked_wait(void *arg)
{
    struct sigaction action = {.sa_handler = note_signal};
    pthread_t self = pthread_self();
    pthread_t thread;
    struct epoll_event event;
    sigset_t blocked;
    sigset_t none;
    sigset_t now;
    int epoll = epoll_create1(0);

    (void)arg;
    signals_seen = 0;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    NEED(pthread_sigmask(SIG_BLOCK, &blocked, NULL) == 0);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    NEED(pthread_create(&thread, NULL, interrupt, &self) == 0);
    NEED(epoll_pwait(epoll, &event, 1, -1, &none) == -1 && errno == EINTR);
    NEED(signals_seen == 1);
    NEED(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0 && sigismember(&now, SIGUSR1) == 1);
    NEED(pthread_join(thread, NULL) == 0);
    /* Pending before the wait: it returns at once. */
    NEED(pthread_kill(self, SIGUSR1) == 0);
    NEED(signals_seen == 1);
    NEED(epoll_pwait(epoll, &event, 1, -1, &none) == -1 && errno == EINTR);
    NEED(signals_seen == 2);
    return 0;
}

static void signals_interrupt_waits_as_on_linux(void **state)
{
    (void)state;
    expect_always_ok(read_not_restarted, 1);
    expect_always_ok(read_restarted, SEEDS);
    expect_always_ok(epoll_never_restarted, 1);
    expect_always_ok(masked_wait, 50);
}

static int write_to_nobody(void *arg)
{
    (void)arg;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    NEED(close(pair[1]) == 0);
    NEED(send(pair[0], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
    NEED(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    NEED(write(pair[0], "x", 1) == -1 && errno == EPIPE);
    NEED(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    (void)write(pair[0], "x", 1);
    return 1; /* not reached */
}

static void writing_to_nobody_raises_sigpipe(void **state)
{
    struct run_result result;

    (void)state;
    run_seed(write_to_nobody, 0, &result);
    assert_int_equal(result.finding.kind, FINDING_NONE);
    assert_int_equal(program_exit_status(), -SIGPIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_interrupt_waits_as_on_linux),
        cmocka_unit_test(writing_to_nobody_raises_sigpipe),
    };

    program_kernel_set(true);
    return TESTS_RUN(tests);
}
