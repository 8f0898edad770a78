/*
 * sim/posix/signal_test.c - signals: who handles them, masks, waits, default actions; and clocks
 * and sleeps, which they interrupt.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "sim/posix/signal.h"
#include "sim/posix/testing.h"

static volatile sig_atomic_t handled;
static volatile sig_atomic_t handled_by;
static pthread_t self_handle;
static sem_t never;

static void on_signal(int signo)
{
    handled = handled * 100 + signo;
    handled_by = pthread_equal(pthread_self(), self_handle) ? 1 : 2;
}

static void install(int signo, int flags)
{
    struct sigaction action = {.sa_flags = flags};

    action.sa_handler = on_signal;
    sigaction(signo, &action, NULL);
    handled = 0;
    handled_by = 0;
    self_handle = pthread_self();
}

static sigset_t set_of(int signo)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signo);
    return set;
}

/* ---- sending ---- */

static int raise_own(void *arg)
{
    (void)arg;
    install(SIGUSR1, 0);
    raise(SIGUSR1);
    if (handled != SIGUSR1)
        return 1;
    kill(getpid(), SIGUSR1);
    if (handled != SIGUSR1 * 101)
        return 2;
    return kill(getpid(), 0);
}

static void signal_to_oneself_is_handled_at_once(void **state)
{
    (void)state;
    expect_always_ok(raise_own, 5);
}

static void *send_after_5_ms(void *arg)
{
    sigset_t set = set_of(SIGUSR1);

    pthread_sigmask(SIG_BLOCK, &set, NULL);
    usleep(5000);
    kill(getpid(), SIGUSR1);
    return arg;
}

static int interrupted_sleep(void *arg)
{
    pthread_t sender;
    struct timespec span = {.tv_sec = 1};
    struct timespec left = {0};

    (void)arg;
    install(SIGUSR1, SA_RESTART); /* which does not help a sleep */
    pthread_create(&sender, NULL, send_after_5_ms, NULL);
    int result = nanosleep(&span, &left);
    pthread_join(sender, NULL);
    if (result != -1 || errno != EINTR || handled != SIGUSR1)
        return 1;
    return left.tv_sec == 0 && left.tv_nsec > 900000000 && left.tv_nsec < 996000000 ? 0 : 2;
}

static int interrupted_semaphore(void *arg)
{
    pthread_t sender;

    (void)arg;
    install(SIGUSR1, 0);
    sem_init(&never, 0, 0);
    pthread_create(&sender, NULL, send_after_5_ms, NULL);
    int result = sem_wait(&never);
    pthread_join(sender, NULL);
    return result == -1 && errno == EINTR && handled == SIGUSR1 ? 0 : 1;
}

static int signal_during_join(void *arg)
{
    pthread_t sender;

    (void)arg;
    install(SIGUSR1, 0);
    pthread_create(&sender, NULL, send_after_5_ms, NULL);
    return pthread_join(sender, NULL) == 0 && handled == SIGUSR1 ? 0 : 1;
}

static void handlers_end_waits_that_signals_end(void **state)
{
    (void)state;
    expect_always_ok(interrupted_sleep, 50);
    expect_always_ok(interrupted_semaphore, 50);
    expect_always_ok(signal_during_join, 50);
    expect_deterministic(interrupted_sleep, 20);
}

/* ---- who handles it ---- */

static void *idle(void *arg)
{
    for (int i = 0; i < 5; i++)
        usleep(1000);
    return arg;
}

static int signal_with_two_takers(void *arg)
{
    pthread_t threads[2];

    (void)arg;
    install(SIGUSR1, 0);
    pthread_create(&threads[0], NULL, idle, NULL);
    pthread_create(&threads[1], NULL, send_after_5_ms, NULL);
    pthread_join(threads[1], NULL);
    pthread_join(threads[0], NULL);
    return handled == SIGUSR1 ? handled_by : 0;
}

static void any_thread_may_handle_it(void **state)
{
    (void)state;
    expect_status_within(signal_with_two_takers, 1, 1);
    expect_status_within(signal_with_two_takers, 2, 300);
}

static int handle_in_thread(void *arg)
{
    pthread_t thread;

    (void)arg;
    install(SIGUSR2, 0);
    pthread_create(&thread, NULL, idle, NULL);
    pthread_kill(thread, SIGUSR2);
    pthread_join(thread, NULL);
    return handled == SIGUSR2 && handled_by == 2 ? 0 : 1;
}

static void leave_on_signal(int signo)
{
    pthread_exit((void *)(intptr_t)signo);
}

/* The signal may be there before the thread is. */
static int end_new_thread(void *arg)
{
    pthread_t thread;
    void *result = NULL;

    (void)arg;
    signal(SIGUSR2, leave_on_signal);
    pthread_create(&thread, NULL, idle, NULL);
    pthread_kill(thread, SIGUSR2);
    pthread_join(thread, &result);
    return (intptr_t)result == SIGUSR2 ? 0 : 1;
}

static void pthread_kill_names_the_thread(void **state)
{
    (void)state;
    expect_always_ok(end_new_thread, 50);
    expect_always_ok(handle_in_thread, 50);
}

/* ---- masks ---- */

static int hold_back(void *arg)
{
    sigset_t set = set_of(SIGUSR1);
    sigset_t pending;

    (void)arg;
    install(SIGUSR1, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    raise(SIGUSR1); /* the same one: not queued twice */
    sigpending(&pending);
    if (handled != 0 || !sigismember(&pending, SIGUSR1))
        return 1;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    return handled == SIGUSR1 ? 0 : 2;
}

static int wait_for_signals(void *arg)
{
    pthread_t sender;
    sigset_t set = set_of(SIGUSR1);
    sigset_t none;
    struct timespec span = {.tv_nsec = 1000000};
    int signo = 0;

    (void)arg;
    install(SIGUSR1, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pthread_create(&sender, NULL, send_after_5_ms, NULL);
    if (sigwait(&set, &signo) != 0 || signo != SIGUSR1 || handled != 0)
        return 1;
    pthread_join(sender, NULL);
    if (sigtimedwait(&set, NULL, &span) != -1 || errno != EAGAIN)
        return 2;
    pthread_create(&sender, NULL, send_after_5_ms, NULL);
    sigemptyset(&none);
    if (sigsuspend(&none) != -1 || errno != EINTR || handled != SIGUSR1)
        return 3;
    pthread_join(sender, NULL);
    return 0;
}

static void masked_signals_wait(void **state)
{
    (void)state;
    expect_always_ok(hold_back, 3);
    expect_always_ok(wait_for_signals, 100);
}

static int flags_work(void *arg)
{
    struct sigaction now;

    (void)arg;
    install(SIGUSR1, SA_RESETHAND);
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &now);
    if (handled != SIGUSR1 || now.sa_handler != SIG_DFL)
        return 1;
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    raise(SIGCHLD); /* ignored unless asked for */
    return signal(SIGUSR1, on_signal) == SIG_IGN ? 0 : 2;
}

static int alarm_rings(void *arg)
{
    (void)arg;
    install(SIGALRM, 0);
    alarm(10);
    if (alarm(2) != 10)
        return 1;
    return pause() == -1 && handled == SIGALRM ? 0 : 2;
}

static void dispositions_are_kept(void **state)
{
    (void)state;
    expect_always_ok(flags_work, 3);
    expect_always_ok(alarm_rings, 3);
}

/* ---- default actions ---- */

static int terminate(void *arg)
{
    pthread_t thread;

    (void)arg;
    pthread_create(&thread, NULL, idle, NULL);
    kill(getpid(), SIGTERM);
    for (;;)
        pause();
}

static int trap(void *arg)
{
    (void)arg;
    return raise(SIGSEGV);
}

static void default_action_ends_the_process(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct run_result result;
        run_seed(terminate, seed, &result);
        assert_int_equal(result.finding.kind, FINDING_NONE);
        assert_int_equal(program_exit_status(), -SIGTERM);
    }
    expect_finding(trap, FINDING_CRASH, "crash: SIGSEGV raised in trap");
}

/* ---- clocks ---- */

static int64_t read_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int clocks_agree(void *arg)
{
    struct timeval day;

    (void)arg;
    if (time(NULL) != 1735689600)
        return 1;
    int64_t real = read_ns(CLOCK_REALTIME);
    int64_t steady = read_ns(CLOCK_MONOTONIC);
    if (steady < 1000000000)
        return 2;
    usleep(250000);
    gettimeofday(&day, NULL);
    int64_t real_passed = day.tv_sec * INT64_C(1000000000) + day.tv_usec * 1000 - real;
    int64_t steady_passed = read_ns(CLOCK_MONOTONIC) - steady;
    if (real_passed < 249999000 || real_passed > 250100000 || steady_passed < 250000000 ||
        steady_passed > 250100000)
        return 3;
    if (read_ns(CLOCK_THREAD_CPUTIME_ID) > 1000000)
        return 4;
    struct timespec none;
    if (clock_gettime(77, &none) != -1 || errno != EINVAL)
        return 5;
    return sleep(2) == 0 && time(NULL) == 1735689602 ? 0 : 6;
}

static void time_is_virtual(void **state)
{
    (void)state;
    expect_always_ok(clocks_agree, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signal_to_oneself_is_handled_at_once),
        cmocka_unit_test(handlers_end_waits_that_signals_end),
        cmocka_unit_test(any_thread_may_handle_it),
        cmocka_unit_test(pthread_kill_names_the_thread),
        cmocka_unit_test(masked_signals_wait),
        cmocka_unit_test(dispositions_are_kept),
        cmocka_unit_test(default_action_ends_the_process),
        cmocka_unit_test(time_is_virtual),
    };
    return TESTS_RUN(tests);
}
