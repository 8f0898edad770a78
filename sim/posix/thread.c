/*
 * sim/posix/thread.c - threads: their start, end and join; see thread.h.
 */
#include "sim/posix/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/oracle/deadlock.h"
#include "sim/posix/clock.h"
#include "sim/posix/cxx.h"
#include "sim/posix/misuse.h"
#include "sim/posix/mutex.h"
#include "sim/posix/names.h"
#include "sim/posix/sanitizer.h"
#include "sim/posix/signal.h"
#include "sim/posix/tls_key.h"
#include "sim/posix/wait.h"
#include "sim/posix/wrap_threads.h"
#include "sim/vthread/disturb.h"

enum { THREADS_FIRST = 8, HANDLE_SHIFT = 12, ENTRY_FILL_BYTES = 64 << 10 };

/* Looks like the address of a thread's descriptor, and is mapped nowhere. */
#define HANDLE_BASE UINT64_C(0x3e0000000000)

/* ---- what a thread is ---- */

static struct posix_thread *new_thread(struct process *process)
{
    struct posix_thread *thread = arena_take(sched_arena(), sizeof(*thread));

    if (!posix_run.is_active) {
        fprintf(stderr, "heddle: a thread call in a run that did not begin with "
                        "posix_run_begin()\n");
        abort();
    }
    if (posix_run.thread_count == posix_run.thread_capacity) {
        uint32_t capacity =
            posix_run.thread_capacity == 0 ? THREADS_FIRST : posix_run.thread_capacity * 2;
        struct posix_thread **threads =
            arena_take(sched_arena(), capacity * sizeof(struct posix_thread *));
        if (posix_run.thread_count != 0)
            memcpy((void *)threads, (const void *)posix_run.threads,
                   posix_run.thread_count * sizeof(struct posix_thread *));
        posix_run.threads = threads;
        posix_run.thread_capacity = capacity;
    }
    thread->serial = posix_run.thread_count;
    posix_run.threads[posix_run.thread_count++] = thread;
    thread->process = posix_process_of(process);
    thread->held = thread->held_first;
    thread->held_capacity = HELD_FIRST;
    return thread;
}

struct posix_thread *posix_attach(struct vthread *vthread)
{
    struct posix_thread *thread = new_thread(vthread->process);

    thread->thread = vthread;
    vthread->posix = thread;
    return thread;
}

pthread_t posix_thread_handle(const struct posix_thread *thread)
{
    return HANDLE_BASE + ((uint64_t)thread->serial << HANDLE_SHIFT);
}

struct posix_thread *posix_thread_by_handle(pthread_t handle)
{
    uint64_t serial = (handle - HANDLE_BASE) >> HANDLE_SHIFT;

    if (serial >= posix_run.thread_count ||
        posix_thread_handle(posix_run.threads[serial]) != handle)
        return NULL;
    return posix_run.threads[serial];
}

/* ---- locks held ---- */

void held_grow(struct posix_thread *self)
{
    uint32_t capacity = self->held_capacity * 2;
    struct held_lock *held = arena_take(sched_arena(), capacity * sizeof(*held));

    memcpy(held, self->held, self->held_count * sizeof(*held));
    self->held = held;
    self->held_capacity = capacity;
}

const struct held_lock *held_find(const struct posix_thread *self, const void *object)
{
    for (uint32_t i = self->held_count; i-- > 0;) {
        if (self->held[i].object == object)
            return &self->held[i];
    }
    return NULL;
}

void held_remove(struct posix_thread *self, const void *object)
{
    const struct held_lock *held = held_find(self, object);

    if (held == NULL)
        return;
    size_t index = (size_t)(held - self->held);
    self->held_count--;
    memmove(&self->held[index], &self->held[index + 1], (self->held_count - index) * sizeof(*held));
}

void posix_held_locks(const struct vthread *thread,
                      void (*each)(void *context, const struct held_lock *held), void *context)
{
    const struct posix_thread *posix = thread->posix;

    for (uint32_t i = 0; posix != NULL && i < posix->held_count; i++)
        each(context, &posix->held[i]);
}

/* ---- start and end ---- */

/* Where a thread that ends from deep inside comes back to. A sanitizer has to see it go; otherwise
 * the few registers that the compiler needs are enough, at a fraction of the price. */
#if defined(HEDDLE_BUILD_ASAN) || defined(HEDDLE_BUILD_TSAN)
struct first_frame {
    jmp_buf registers;
};
#define FIRST_FRAME_SAVE(frame) _setjmp((frame)->registers)
#define FIRST_FRAME_LEAVE(frame) longjmp((frame)->registers, 1)
#else
struct first_frame {
    void *registers[5];
};
#define FIRST_FRAME_SAVE(frame) __builtin_setjmp((frame)->registers)
#define FIRST_FRAME_LEAVE(frame) __builtin_longjmp((frame)->registers, 1)
#endif

static void check_holds_nothing(const struct posix_thread *self)
{
    if (self->held_count == 0 || posix_run.is_lenient)
        return;
    const struct held_lock *held = &self->held[self->held_count - 1];
    misuse_fail_held(held->object, self, held->pc, "thread %s ends holding", self->thread->name);
}

static void end_thread(struct posix_thread *self)
{
    struct posix_process *process = self->process;

    if (process->has_ended) /* and this was its last thread: exit() came back to its first frame */
        sched_exit();
    cxx_thread_end(self);
    tls_key_run_destructors(self);
    mutex_orphan_all(self);
    check_holds_nothing(self);
    if (process->alive_count == 1)
        posix_exit(0, NULL);
    process->alive_count--;
    self->has_ended = true;
    sync_release(self);
    sched_memory_result(self, 0, 1); /* for those who spin on pthread_tryjoin_np */
    waitq_wake_all(&self->joiners);
    signal_retarget(self);
    sched_exit();
}

static void thread_entry(void *arg)
{
    struct posix_thread *self = arg;
    struct first_frame jump;

    self->exit_jump = &jump;
    sync_acquire(self);
    if (FIRST_FRAME_SAVE(&jump) == 0) {
        if (self->thread->has_pending_signal)
            signal_handle_pending(self->thread);
        disturb_below(ENTRY_FILL_BYTES);
        if (self->main != NULL)
            posix_exit(self->main(self->arg), NULL);
        self->result = self->entry(self->arg);
    }
    end_thread(self);
}

void posix_thread_leave(struct posix_thread *self)
{
    if (self->exit_jump == NULL)
        sched_exit(); /* not started here: its first frame is unknown */
    FIRST_FRAME_LEAVE(self->exit_jump);
}

static struct vthread *spawn(struct posix_thread *thread, const char *name, struct process *process)
{
    thread->has_first_frame = true;
    sync_release(thread);
    thread->thread = sched_spawn(name, process, thread_entry, thread);
    if (thread->thread == NULL)
        return NULL;
    thread->thread->posix = thread;
    thread->process->alive_count++;
    return thread->thread;
}

struct vthread *posix_process_start(struct process *process, const char *thread_name,
                                    int (*main)(void *arg), void *arg)
{
    struct posix_thread *thread = new_thread(process);

    thread->main = main;
    thread->arg = arg;
    return spawn(thread, thread_name, process);
}

/* Prefix and number. By hand: printf would take longer than all the rest of a thread's creation. */
static void name_thread(const struct posix_process *process, char name[VTHREAD_NAME_BYTES])
{
    const char *prefix = process->thread_prefix != NULL ? process->thread_prefix : "t";
    uint32_t number = process->thread_first + process->thread_count;
    char digits[10];
    size_t digit_count = 0;
    size_t len = 0;

    do {
        digits[digit_count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (prefix[len] != '\0' && len + digit_count + 1 < VTHREAD_NAME_BYTES) {
        name[len] = prefix[len];
        len++;
    }
    while (digit_count > 0)
        name[len++] = digits[--digit_count];
    name[len] = '\0';
}

static int create(pthread_t *out, const pthread_attr_t *attr, void *(*entry)(void *), void *arg,
                  const char *label, const void *pc)
{
    char name[VTHREAD_NAME_BYTES];
    int detach_state = PTHREAD_CREATE_JOINABLE;

    sched_point(OP_CREATE, NULL, label, pc);
    struct posix_thread *self = posix_self();
    struct posix_process *process = self->process;
    struct posix_thread *thread = new_thread(process->process);
    if (attr != NULL)
        (void)pthread_attr_getdetachstate(attr, &detach_state);
    thread->entry = entry;
    thread->arg = arg;
    thread->is_detached = detach_state == PTHREAD_CREATE_DETACHED;
    thread->signals_masked = self->signals_masked;
    name_thread(process, name);
    if (spawn(thread, name, process->process) == NULL)
        return EAGAIN;
    process->thread_count++;
    *out = posix_thread_handle(thread);
    return 0;
}

/* ---- join ---- */

static _Noreturn void fail_join(const struct posix_thread *target, const char *what, const void *pc)
{
    finding_fail(FINDING_LOCK_MISUSE, pc, "lock-misuse: %s of thread %s in {pc:%lx}", what,
                 target == NULL ? "?" : target->thread->name, (unsigned long)pc);
}

/* A thread that may be joined or detached. */
static struct posix_thread *joinable(pthread_t handle, const char *what, const void *pc)
{
    struct posix_thread *target = posix_thread_by_handle(handle);

    if (target == NULL || target->is_joined)
        fail_join(target, what, pc);
    return target;
}

static int join(pthread_t handle, void **result, uint64_t deadline_ns, const char *label,
                const void *pc)
{
    struct posix_thread *target = posix_thread_by_handle(handle);
    const struct op op = {.kind = OP_JOIN, .object = target, .label = label, .pc = pc};

    sched_point(OP_JOIN, target, label, pc);
    target = joinable(handle, "join", pc);
    if (target == posix_self())
        return EDEADLK;
    if (target->is_detached)
        return EINVAL;
    while (!target->has_ended) {
        if (deadline_ns == TIME_NEVER)
            wait_check_cycle(&op, target->thread);
        enum park_result park = wait_in(&target->joiners, &op, target->thread, deadline_ns, true);
        if (park == PARK_TIMEOUT) {
            sched_trace_value(ETIMEDOUT);
            return ETIMEDOUT;
        }
        if (park == PARK_SIGNAL)
            (void)signal_deliver(sched_self());
    }
    if (target->is_joined)
        fail_join(target, "join", pc);
    target->is_joined = true;
    sync_acquire(target);
    if (result != NULL)
        *result = target->result;
    return 0;
}

static int detach(pthread_t handle, const void *pc)
{
    struct posix_thread *target = joinable(handle, "detach", pc);

    if (target->is_detached)
        return EINVAL;
    target->is_detached = true;
    return 0;
}

static _Noreturn void leave(void *result, const void *pc)
{
    struct posix_thread *self = posix_self();

    sched_point(OP_EXIT, NULL, "pthread_exit", pc);
    self->result = result;
    self->main = NULL;
    __pthread_unwind_buf_t *cleanup = self->cleanup;
    if (cleanup != NULL) /* its handler goes on with __pthread_unwind_next */
        longjmp((struct __jmp_buf_tag *)(void *)cleanup->__cancel_jmp_buf, 1);
    posix_thread_leave(self);
}

/* ---- the calls ---- */

int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*entry)(void *),
                          void *arg)
{
    if (!sched_is_simulated())
        return __real_pthread_create(out, attr, entry, arg);
    return create(out, attr, entry, arg, "pthread_create", WRAP_PC);
}

int __wrap_pthread_join(pthread_t handle, void **result)
{
    if (!sched_is_simulated())
        return __real_pthread_join(handle, result);
    return join(handle, result, TIME_NEVER, "pthread_join", WRAP_PC);
}

int __wrap_pthread_tryjoin_np(pthread_t handle, void **result)
{
    if (!sched_is_simulated())
        return __real_pthread_tryjoin_np(handle, result);
    struct posix_thread *target = joinable(handle, "join", WRAP_PC);
    sched_point(OP_JOIN, target, "pthread_tryjoin_np", WRAP_PC);
    sched_trace_value(target->has_ended);
    sched_memory_result(target, target->has_ended, target->has_ended);
    return target->has_ended ? join(handle, result, TIME_NEVER, "pthread_tryjoin_np", WRAP_PC)
                             : EBUSY;
}

int __wrap_pthread_timedjoin_np(pthread_t handle, void **result, const struct timespec *until)
{
    uint64_t deadline_ns = TIME_NEVER;

    if (!sched_is_simulated())
        return __real_pthread_timedjoin_np(handle, result, until);
    if (until != NULL && !clock_deadline(CLOCK_REALTIME, until, &deadline_ns))
        return EINVAL;
    return join(handle, result, deadline_ns, "pthread_timedjoin_np", WRAP_PC);
}

int __wrap_pthread_clockjoin_np(pthread_t handle, void **result, clockid_t clock,
                                const struct timespec *until)
{
    uint64_t deadline_ns = TIME_NEVER;

    if (!sched_is_simulated())
        return __real_pthread_clockjoin_np(handle, result, clock, until);
    if (until != NULL && !clock_deadline(clock, until, &deadline_ns))
        return EINVAL;
    return join(handle, result, deadline_ns, "pthread_clockjoin_np", WRAP_PC);
}

int __wrap_pthread_detach(pthread_t handle)
{
    return sched_is_simulated() ? detach(handle, WRAP_PC) : __real_pthread_detach(handle);
}

void __wrap_pthread_exit(void *result)
{
    if (!sched_is_simulated())
        __real_pthread_exit(result);
    leave(result, WRAP_PC);
}

pthread_t __wrap_pthread_self(void)
{
    return sched_is_simulated() ? posix_thread_handle(posix_self()) : __real_pthread_self();
}

void __wrap___pthread_register_cancel(__pthread_unwind_buf_t *buffer)
{
    if (!sched_is_simulated()) {
        __real___pthread_register_cancel(buffer);
        return;
    }
    struct posix_thread *self = posix_self();
    buffer->__pad[0] = self->cleanup; /* where glibc keeps the same link */
    self->cleanup = buffer;
}

void __wrap___pthread_unregister_cancel(__pthread_unwind_buf_t *buffer)
{
    if (sched_is_simulated())
        posix_self()->cleanup = buffer->__pad[0];
    else
        __real___pthread_unregister_cancel(buffer);
}

void __wrap___pthread_unwind_next(__pthread_unwind_buf_t *buffer)
{
    if (!sched_is_simulated())
        __real___pthread_unwind_next(buffer);
    struct posix_thread *self = posix_self();
    self->cleanup = buffer->__pad[0];
    leave(self->result, WRAP_PC);
}

/* ---- C11 ---- */

int thread_error11(int err)
{
    switch (err) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    default:
        return thrd_error;
    }
}

int __wrap_thrd_create(thrd_t *out, thrd_start_t entry, void *arg)
{
    if (!sched_is_simulated())
        return __real_thrd_create(out, entry, arg);
    /* int and void * come back in the same register, as glibc relies on too. */
    return thread_error11(
        create(out, NULL, (void *(*)(void *))(uintptr_t)entry, arg, "thrd_create", WRAP_PC));
}

thrd_t __wrap_thrd_current(void)
{
    return sched_is_simulated() ? posix_thread_handle(posix_self()) : __real_thrd_current();
}

void __wrap_thrd_exit(int result)
{
    if (!sched_is_simulated())
        __real_thrd_exit(result);
    leave((void *)(intptr_t)result, WRAP_PC);
}

int __wrap_thrd_detach(thrd_t handle)
{
    if (!sched_is_simulated())
        return __real_thrd_detach(handle);
    return thread_error11(detach(handle, WRAP_PC));
}

int __wrap_thrd_join(thrd_t handle, int *result)
{
    void *value = NULL;

    if (!sched_is_simulated())
        return __real_thrd_join(handle, result);
    int err = join(handle, &value, TIME_NEVER, "thrd_join", WRAP_PC);
    if (err == 0 && result != NULL)
        *result = (int)(intptr_t)value;
    return thread_error11(err);
}
