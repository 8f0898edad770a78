/*
 * sim/posix/file_test.c - files under many schedules: locks that wait, memory that two share, what
 * is left of a run, streams.
 */
#include "sim/posix/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <syslog.h>
#include <unistd.h>

#include "sim/kernel/mapping.h"
#include "sim/sched/crash.h"

#define NEED(expr)                                                                                 \
    do {                                                                                           \
        if (!(expr))                                                                               \
            exit(__LINE__ & 0xff);                                                                 \
    } while (0)

static pthread_t threads[2];

static void start_both(void *(*entry)(void *))
{
    NEED(pthread_create(&threads[0], NULL, entry, NULL) == 0);
    NEED(pthread_create(&threads[1], NULL, entry, NULL) == 0);
}

static void join_both(void)
{
    NEED(pthread_join(threads[0], NULL) == 0);
    NEED(pthread_join(threads[1], NULL) == 0);
}

/* ---- locks ---- */

/* Reads, waits for others to come in between, writes: only a lock makes that a counter. */
static void count_up(int fd)
{
    int count = 0;

    NEED(pread(fd, &count, sizeof(count), 0) >= 0);
    count++;
    NEED(pwrite(fd, &count, sizeof(count), 0) == sizeof(count));
}

static void *count_locked(void *unused)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const int fd = open("count", O_RDWR | O_CREAT, 0644);

    NEED(fcntl(fd, F_OFD_SETLKW, &lock) == 0);
    count_up(fd);
    lock.l_type = F_UNLCK;
    NEED(fcntl(fd, F_OFD_SETLK, &lock) == 0);
    NEED(close(fd) == 0);
    return unused;
}

static void *count_flocked(void *unused)
{
    const int fd = open("count", O_RDWR | O_CREAT, 0644);

    NEED(flock(fd, LOCK_EX) == 0);
    count_up(fd);
    NEED(close(fd) == 0); /* gives the lock back */
    return unused;
}

/* Locks of a process do not keep its threads apart. */
static void *count_process(void *unused)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const int fd = open("count", O_RDWR | O_CREAT, 0644);

    NEED(fcntl(fd, F_SETLKW, &lock) == 0);
    count_up(fd);
    NEED(close(fd) == 0);
    return unused;
}

static int count_with(void *(*entry)(void *))
{
    int count = 0;
    int fd;

    start_both(entry);
    join_both();
    fd = open("count", O_RDONLY);
    NEED(read(fd, &count, sizeof(count)) == sizeof(count));
    return count;
}

static int locked(void *arg)
{
    (void)arg;
    NEED(count_with(count_locked) == 2);
    return 0;
}

static int flocked(void *arg)
{
    (void)arg;
    NEED(count_with(count_flocked) == 2);
    return 0;
}

static int lost_count(void *arg)
{
    (void)arg;
    return count_with(count_process) == 2 ? 0 : 1;
}

static void a_lock_keeps_others_out(void **state)
{
    (void)state;
    expect_always_ok(locked, 300);
    expect_always_ok(flocked, 300);
    expect_deterministic(locked, 20);
    expect_status_within(lost_count, 1, 1000);
}

/* ---- what a run leaves ---- */

static int leave_things(void *arg)
{
    struct stat found;
    char *mapped;
    int fd;

    (void)arg;
    NEED(access("left", F_OK) == -1 && errno == ENOENT);
    NEED(mkdir("left", 0755) == 0 && chdir("left") == 0);
    fd = open("file", O_RDWR | O_CREAT, 0644);
    NEED(pwrite(fd, "abc", 3, 5000) == 3);
    mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    NEED((uintptr_t)mapped == MAPPING_BASE); /* the same in every run */
    NEED(mapped[0] == 0 && mapped[5000] == 'a');
    mapped[1] = 'x';
    NEED(pread(fd, &mapped[2], 1, 1) == 1 && mapped[2] == 'x');
    NEED(fstat(fd, &found) == 0 && found.st_size == 5003);
    (void)fopen("stream", "w");
    return 0;
}

static void nothing_is_left_of_a_run(void **state)
{
    (void)state;
    expect_always_ok(leave_things, 20);
    expect_deterministic(leave_things, 3);
    assert_int_equal(access("left", F_OK), -1);
}

static int touch_unmapped(void *arg)
{
    char *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile char *gone = mapped;

    (void)arg;
    NEED(munmap(mapped, 4096) == 0);
    NEED(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != mapped);
    return *gone;
}

static void what_was_unmapped_stays_so(void **state)
{
    (void)state;
#if defined(HEDDLE_BUILD_ASAN)
    skip(); /* its report, not ours */
#endif
    crash_init(); /* cmocka has put its own handlers over ours */
    expect_finding(touch_unmapped, FINDING_CRASH, "crash: segmentation fault in touch_unmapped");
}

/* ---- robust mutexes ---- */

static pthread_mutex_t robust;

static void *end_with_it(void *unused)
{
    (void)pthread_mutex_lock(&robust);
    return unused;
}

static int inherit(void *arg)
{
    pthread_mutexattr_t attr;

    (void)arg;
    NEED(pthread_mutexattr_init(&attr) == 0);
    NEED(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0);
    NEED(pthread_mutex_init(&robust, &attr) == 0);
    NEED(pthread_create(&threads[0], NULL, end_with_it, NULL) == 0);
    NEED(pthread_join(threads[0], NULL) == 0);
    NEED(pthread_mutex_lock(&robust) == EOWNERDEAD);
    NEED(pthread_mutex_consistent(&robust) == 0);
    NEED(pthread_mutex_unlock(&robust) == 0);
    NEED(pthread_mutex_trylock(&robust) == 0);
    NEED(pthread_mutex_consistent(&robust) == EINVAL);
    NEED(pthread_mutex_unlock(&robust) == 0);
    NEED(pthread_create(&threads[0], NULL, end_with_it, NULL) == 0);
    NEED(pthread_join(threads[0], NULL) == 0);
    NEED(pthread_mutex_lock(&robust) == EOWNERDEAD);
    NEED(pthread_mutex_unlock(&robust) == 0);
    NEED(pthread_mutex_lock(&robust) == ENOTRECOVERABLE);
    return 0;
}

static void a_robust_mutex_outlives_its_owner(void **state)
{
    (void)state;
    expect_always_ok(inherit, 50);
}

/* ---- the machine ---- */

static volatile int ticks;

static void tick(int signo)
{
    (void)signo;
    ticks++;
}

static int tick_often(void *arg)
{
    const struct itimerval often = {{0, 1000}, {0, 1000}};
    struct itimerval left;
    struct utsname facts;

    (void)arg;
    ticks = 0;
    (void)signal(SIGALRM, tick);
    NEED(setitimer(ITIMER_REAL, &often, NULL) == 0);
    while (ticks < 3)
        (void)pause();
    NEED(getitimer(ITIMER_REAL, &left) == 0 && left.it_interval.tv_usec == 1000);
    NEED(setitimer(ITIMER_REAL, &(struct itimerval){0}, &left) == 0);
    NEED(uname(&facts) == 0 && strcmp(facts.sysname, "Linux") == 0);
    syslog(LOG_INFO, "%d ticks", ticks);
    NEED(setuid(1) == 0 && getuid() == 1000);
    return 0;
}

static void an_interval_timer_goes_on(void **state)
{
    (void)state;
    expect_always_ok(tick_often, 30);
    expect_deterministic(tick_often, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_keeps_others_out),
        cmocka_unit_test(nothing_is_left_of_a_run),
        cmocka_unit_test(what_was_unmapped_stays_so),
        cmocka_unit_test(a_robust_mutex_outlives_its_owner),
        cmocka_unit_test(an_interval_timer_goes_on),
    };

    program_kernel_set(true);
    return TESTS_RUN(tests);
}
