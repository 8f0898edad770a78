/*
 * sim/posix/system_calls.c - who the process is, randomness, limits, and the few files by path.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netdb.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/kernel/device.h"
#include "sim/memory/heap.h"
#include "sim/posix/clock.h"
#include "sim/posix/files.h"
#include "sim/posix/names.h"
#include "sim/posix/run.h"
#include "sim/posix/signal.h"
#include "sim/posix/wait.h"
#include "sim/posix/wrap_io.h"

enum {
    ENTROPY_BYTES_MAX = 256,
    PROCESSORS = 4, /* the same on every machine */
    PARENT_PID = 1,
    TID_STRIDE = 10000, /* thread ids: the process id for the first thread, then far from any pid */
};

/* ---- who ---- */

static struct process *self_process(void)
{
    struct process *process = sched_self()->process;
    return process != NULL ? process : process_first();
}

static pid_t process_id(void)
{
    const struct process *process = kernel == NULL ? NULL : self_process();
    return process == NULL ? PARENT_PID + 1 : process->pid;
}

pid_t __wrap_getpid(void)
{
    return sched_is_simulated() ? process_id() : __real_getpid();
}

pid_t __wrap_getppid(void)
{
    return sched_is_simulated() ? PARENT_PID : __real_getppid();
}

pid_t __wrap_gettid(void)
{
    if (!sched_is_simulated())
        return __real_gettid();
    return process_id() * TID_STRIDE + (pid_t)sched_self()->id;
}

#define OWN_USER(name)                                                                             \
    unsigned __wrap_##name(void)                                                                   \
    {                                                                                              \
        return sched_is_simulated() ? INODE_USER : __real_##name();                                \
    }

OWN_USER(getuid)
OWN_USER(geteuid)
OWN_USER(getgid)
OWN_USER(getegid)

int __wrap_gethostname(char *name, size_t name_bytes)
{
    const struct process *process;
    size_t bytes;

    if (!sched_is_simulated())
        return __real_gethostname(name, name_bytes);
    process = kernel == NULL ? NULL : self_process();
    bytes = strlen(process == NULL ? "node" : process->host->name) + 1;
    if (bytes > name_bytes) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(name, process == NULL ? "node" : process->host->name, bytes);
    return 0;
}

/* ---- randomness ---- */

static int64_t random_bytes(void *buffer, size_t len_bytes, const void *pc)
{
    struct iovec part = {.iov_base = buffer, .iov_len = len_bytes};
    struct io_call call;
    struct io_vector to;
    int64_t result = io_begin(&call, CALL_getrandom, IO_NO_FD, pc);

    if (result == 0)
        result = io_vector_init(&to, &part, 1);
    if (result == 0) {
        device_random_bytes(&to, len_bytes);
        result = (int64_t)len_bytes;
    }
    return io_end_progress(&call, result);
}

ssize_t __wrap_getrandom(void *buffer, size_t len_bytes, unsigned flags)
{
    if (!sched_is_simulated())
        return __real_getrandom(buffer, len_bytes, flags);
    return random_bytes(buffer, len_bytes, WRAP_PC);
}

int __wrap_getentropy(void *buffer, size_t len_bytes)
{
    if (!sched_is_simulated())
        return __real_getentropy(buffer, len_bytes);
    if (len_bytes > ENTROPY_BYTES_MAX) {
        errno = EIO;
        return -1;
    }
    return random_bytes(buffer, len_bytes, WRAP_PC) < 0 ? -1 : 0;
}

void __wrap_arc4random_buf(void *buffer, size_t len_bytes)
{
    if (sched_is_simulated())
        random_bytes(buffer, len_bytes, WRAP_PC);
    else
        __real_arc4random_buf(buffer, len_bytes);
}

uint32_t __wrap_arc4random(void)
{
    uint32_t value = 0;

    if (!sched_is_simulated())
        return __real_arc4random();
    random_bytes(&value, sizeof(value), WRAP_PC);
    return value;
}

uint32_t __wrap_arc4random_uniform(uint32_t bound)
{
    uint32_t value = 0;

    if (!sched_is_simulated())
        return __real_arc4random_uniform(bound);
    random_bytes(&value, sizeof(value), WRAP_PC);
    return bound < 2 ? 0 : (uint32_t)((uint64_t)value * bound >> 32);
}

/* ---- limits ---- */

static bool is_fd_limit(int resource)
{
    return sched_is_simulated() && kernel != NULL && resource == RLIMIT_NOFILE;
}

int __wrap_getrlimit(int resource, struct rlimit *limit)
{
    if (!is_fd_limit(resource))
        return __real_getrlimit(resource, limit);
    *limit = (struct rlimit){.rlim_cur = self_process()->fd_limit, .rlim_max = PROCESS_FDS_MAX};
    return 0;
}

int __wrap_getrlimit64(int resource, struct rlimit64 *limit)
{
    if (!is_fd_limit(resource))
        return __real_getrlimit64(resource, limit);
    *limit = (struct rlimit64){.rlim_cur = self_process()->fd_limit, .rlim_max = PROCESS_FDS_MAX};
    return 0;
}

static int set_fd_limit(uint64_t limit, uint64_t limit_max)
{
    if (limit > limit_max || limit > PROCESS_FDS_MAX) {
        errno = limit > limit_max ? EINVAL : EPERM;
        return -1;
    }
    process_set_fd_limit(self_process(), (uint32_t)limit);
    return 0;
}

/* Limits of the simulated process only: others are accepted and change nothing. */
int __wrap_setrlimit(int resource, const struct rlimit *limit)
{
    if (!sched_is_simulated())
        return __real_setrlimit(resource, limit);
    return is_fd_limit(resource) ? set_fd_limit(limit->rlim_cur, limit->rlim_max) : 0;
}

int __wrap_setrlimit64(int resource, const struct rlimit64 *limit)
{
    if (!sched_is_simulated())
        return __real_setrlimit64(resource, limit);
    return is_fd_limit(resource) ? set_fd_limit(limit->rlim_cur, limit->rlim_max) : 0;
}

long __wrap_sysconf(int name)
{
    if (!sched_is_simulated())
        return __real_sysconf(name);
    switch (name) {
    case _SC_NPROCESSORS_CONF:
    case _SC_NPROCESSORS_ONLN:
        return PROCESSORS;
    case _SC_OPEN_MAX:
        return kernel == NULL ? PROCESS_FDS_DEFAULT : self_process()->fd_limit;
    default:
        return __real_sysconf(name);
    }
}

/* ---- files by path ---- */

int64_t files_open(struct io_call *call, struct inode *start, const char *path, int flags,
                   uint32_t mode)
{
    struct file *file = device_open(path, flags);
    int64_t result = 0;

    if (file == NULL)
        result = regular_open(call->process, start, path, flags, mode, &file);
    if (result == -ENXIO)
        finding_fail(FINDING_UNSUPPORTED, call->pc,
                     "unsupported: open of %.100s, a special file, in {pc:%lx}", path,
                     (unsigned long)call->pc);
    return result != 0 ? result : process_fd_open(call->process, file, 0, (flags & O_CLOEXEC) != 0);
}

static int open_path(int folder, const char *path, int flags, mode_t mode, const void *pc)
{
    struct io_call call;
    struct inode *start;
    int64_t result = files_begin(&call, CALL_open, folder, path, pc, &start);

    if (result == 0)
        result = files_open(&call, start, path, flags, mode);
    return (int)io_end_progress(&call, result);
}

#define OPEN_MODE(flags, mode)                                                                     \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        (mode) = ((flags) & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;                \
        va_end(args);                                                                              \
    } while (0)

int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode;

    OPEN_MODE(flags, mode);
    return sched_is_simulated() ? open_path(AT_FDCWD, path, flags, mode, WRAP_PC)
                                : __real_open(path, flags, mode);
}

int __wrap_open64(const char *path, int flags, ...)
{
    mode_t mode;

    OPEN_MODE(flags, mode);
    return sched_is_simulated() ? open_path(AT_FDCWD, path, flags, mode, WRAP_PC)
                                : __real_open(path, flags, mode);
}

int __wrap_openat(int folder, const char *path, int flags, ...)
{
    mode_t mode;

    OPEN_MODE(flags, mode);
    return sched_is_simulated() ? open_path(folder, path, flags, mode, WRAP_PC)
                                : __real_openat(folder, path, flags, mode);
}

int __wrap_openat64(int folder, const char *path, int flags, ...)
{
    mode_t mode;

    OPEN_MODE(flags, mode);
    return sched_is_simulated() ? open_path(folder, path, flags, mode, WRAP_PC)
                                : __real_openat(folder, path, flags, mode);
}

/* ---- names of hosts ---- */

/* Numeric names need no network and no file. */
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out)
{
    struct addrinfo numeric = {0};
    int result;

    if (!sched_is_simulated())
        return __real_getaddrinfo(node, service, hints, out);
    if (hints != NULL)
        numeric = *hints;
    numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    numeric.ai_flags &= ~AI_ADDRCONFIG;
    sched_bypass_begin();
    result = __real_getaddrinfo(node, service, &numeric, out);
    sched_bypass_end();
    if (result == EAI_NONAME)
        io_unsupported("getaddrinfo of a name", WRAP_PC);
    return result;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
    sched_bypass_begin();
    __real_freeaddrinfo(list);
    sched_bypass_end();
}

/* ---- futexes, as libstdc++ waits for a std::atomic or a future ---- */

enum { FUTEXES_MAX = 256 };

/* Who waits at an address; one for each address of a run. */
struct futex {
    const uint32_t *word;
    struct waitq *waiters; /* a list */
};

static struct {
    uint32_t epoch; /* of the run that the rest belongs to */
    size_t count;
    struct futex at[FUTEXES_MAX];
} futexes;

static struct waitq *futex_waiters(const uint32_t *word, const void *pc)
{
    if (futexes.epoch != posix_run.epoch)
        futexes.count = 0;
    futexes.epoch = posix_run.epoch;
    for (size_t i = 0; i < futexes.count; i++)
        if (futexes.at[i].word == word)
            return futexes.at[i].waiters;
    if (futexes.count == FUTEXES_MAX)
        finding_fail(FINDING_UNSUPPORTED, pc, "unsupported: more than %d futexes", FUTEXES_MAX);
    struct waitq *waiters = arena_take(sched_arena(), sizeof(*waiters));
    futexes.at[futexes.count++] = (struct futex){.word = word, .waiters = waiters};
    names_first_use(word, "futex");
    return waiters;
}

static long futex_fail(int err)
{
    sched_trace_value((uint64_t)err);
    errno = err;
    return -1;
}

/* `is_relative`: FUTEX_WAIT counts from now, FUTEX_WAIT_BITSET names the time. */
static long futex_wait(const uint32_t *word, uint32_t value, clockid_t clock,
                       const struct timespec *time, bool is_relative, const void *pc)
{
    const struct op op = {.kind = OP_WAIT, .object = word, .label = "futex_wait", .pc = pc};
    uint64_t deadline_ns = TIME_NEVER;

    if (time != NULL && (time->tv_nsec < 0 || time->tv_nsec > 999999999 || time->tv_sec < 0))
        return futex_fail(EINVAL);
    if (time != NULL && is_relative)
        deadline_ns =
            sched_now_ns() + (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
    else if (time != NULL && !clock_deadline(clock, time, &deadline_ns))
        return futex_fail(EINVAL);
    sched_point(OP_WAIT, word, "futex_wait", pc);
    heap_check(word, sizeof(*word), false, pc);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != value)
        return futex_fail(EAGAIN);
    const enum park_result result = wait_in(futex_waiters(word, pc), &op, NULL, deadline_ns, true);
    if (result == PARK_TIMEOUT)
        return futex_fail(ETIMEDOUT);
    if (result == PARK_SIGNAL && signal_deliver(sched_self()) == SIGNAL_INTERRUPT)
        return futex_fail(EINTR);
    return 0;
}

/* Only compares addresses: the object may be gone already. */
static long futex_wake(const uint32_t *word, int count, const void *pc)
{
    long woken = 0;

    sched_point(OP_SIGNAL, word, "futex_wake", pc);
    struct waitq *waiters = futex_waiters(word, pc);
    for (; woken < count; woken++) {
        struct vthread *thread = wait_choose(waiters);
        if (thread == NULL)
            break;
        wait_release(waiters, thread);
    }
    return woken;
}

static long futex_call(const long *a, const void *pc)
{
    const uint32_t *word = (const uint32_t *)(uintptr_t)a[0];
    const struct timespec *time = (const struct timespec *)(uintptr_t)a[3];
    const bool is_real = (a[1] & FUTEX_CLOCK_REALTIME) != 0;
    const long operation = a[1] & FUTEX_CMD_MASK;
    const bool is_any = (uint32_t)a[5] == FUTEX_BITSET_MATCH_ANY;

    if (operation == FUTEX_WAIT || (operation == FUTEX_WAIT_BITSET && is_any))
        return futex_wait(word, (uint32_t)a[2], is_real ? CLOCK_REALTIME : CLOCK_MONOTONIC, time,
                          operation == FUTEX_WAIT, pc);
    if (operation == FUTEX_WAKE || (operation == FUTEX_WAKE_BITSET && is_any))
        return futex_wake(word, (int)a[2], pc);
    finding_fail(FINDING_UNSUPPORTED, pc, "unsupported: futex operation %ld in {pc:%lx}", operation,
                 (unsigned long)pc);
}

/* ---- syscall(2) ---- */

long __wrap_syscall(long number, ...)
{
    va_list args;
    long a[6];

    va_start(args, number);
    for (size_t i = 0; i < ARRAY_COUNT(a); i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (!sched_is_simulated())
        return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    switch (number) {
    case SYS_getpid:
        return __wrap_getpid();
    case SYS_gettid:
        return __wrap_gettid();
    case SYS_futex:
        return futex_call(a, WRAP_PC);
    case SYS_getrandom:
        return __wrap_getrandom((void *)a[0], (size_t)a[1], (unsigned)a[2]);
    default:
        finding_fail(FINDING_UNSUPPORTED, WRAP_PC, "unsupported: system call %ld in {pc:%lx}",
                     number, (unsigned long)WRAP_PC);
    }
}
