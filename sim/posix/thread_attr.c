/*
 * sim/posix/thread_attr.c - what a thread can be asked and told about itself.
 *
 * Attributes that change nothing a schedule could show (affinity, priority, stack size) are
 * accepted and forgotten: every schedule is explored anyway.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "sim/posix/thread.h"
#include "sim/posix/wrap_threads.h"
#include "sim/vthread/identity.h"

int __wrap_pthread_setname_np(pthread_t handle, const char *name)
{
    if (!sched_is_simulated())
        return __real_pthread_setname_np(handle, name);
    struct posix_thread *thread = posix_thread_by_handle(handle);
    if (thread == NULL)
        return ESRCH;
    size_t bytes = strlen(name) + 1;
    if (bytes > sizeof(thread->name))
        return ERANGE;
    memcpy(thread->name, name, bytes);
    return 0;
}

int __wrap_pthread_getname_np(pthread_t handle, char *out, size_t out_bytes)
{
    if (!sched_is_simulated())
        return __real_pthread_getname_np(handle, out, out_bytes);
    const struct posix_thread *thread = posix_thread_by_handle(handle);
    if (thread == NULL)
        return ESRCH;
    const char *name = thread->name[0] != '\0' ? thread->name : thread->thread->name;
    size_t bytes = strlen(name) + 1;
    if (bytes > out_bytes)
        return ERANGE;
    memcpy(out, name, bytes);
    return 0;
}

int __wrap_pthread_cancel(pthread_t handle)
{
    if (!sched_is_simulated())
        return __real_pthread_cancel(handle);
    finding_fail(FINDING_UNSUPPORTED, WRAP_PC, "unsupported: pthread_cancel in {pc:%lx}",
                 (unsigned long)WRAP_PC);
}

int __wrap_pthread_setcancelstate(int state, int *old)
{
    if (!sched_is_simulated())
        return __real_pthread_setcancelstate(state, old);
    if (old != NULL)
        *old = PTHREAD_CANCEL_ENABLE;
    return 0;
}

int __wrap_pthread_setcanceltype(int type, int *old)
{
    if (!sched_is_simulated())
        return __real_pthread_setcanceltype(type, old);
    if (old != NULL)
        *old = PTHREAD_CANCEL_DEFERRED;
    return 0;
}

void __wrap_pthread_testcancel(void)
{
    if (!sched_is_simulated())
        __real_pthread_testcancel();
}

int __wrap_pthread_getattr_np(pthread_t handle, pthread_attr_t *attr)
{
    if (!sched_is_simulated())
        return __real_pthread_getattr_np(handle, attr);
    const struct posix_thread *thread = posix_thread_by_handle(handle);
    if (thread == NULL || thread->has_ended)
        return ESRCH;
    sched_bypass_begin();
    int err = __real_pthread_getattr_np(identity_pthread(thread->thread->identity), attr);
    sched_bypass_end();
    if (err == 0 && thread->is_detached)
        err = pthread_attr_setdetachstate(attr, PTHREAD_CREATE_DETACHED);
    return err;
}

int __wrap_pthread_setaffinity_np(pthread_t handle, size_t size_bytes, const cpu_set_t *set)
{
    if (!sched_is_simulated())
        return __real_pthread_setaffinity_np(handle, size_bytes, set);
    return posix_thread_by_handle(handle) == NULL ? ESRCH : 0;
}

int __wrap_pthread_getaffinity_np(pthread_t handle, size_t size_bytes, cpu_set_t *set)
{
    enum { CPUS = 4 }; /* of the simulated machine: what getaffinity shows must not be this one's */

    if (!sched_is_simulated())
        return __real_pthread_getaffinity_np(handle, size_bytes, set);
    if (posix_thread_by_handle(handle) == NULL)
        return ESRCH;
    memset(set, 0, size_bytes);
    for (int cpu = 0; cpu < CPUS; cpu++)
        CPU_SET_S((size_t)cpu, size_bytes, set);
    return 0;
}

int __wrap_pthread_setschedparam(pthread_t handle, int policy, const struct sched_param *param)
{
    if (!sched_is_simulated())
        return __real_pthread_setschedparam(handle, policy, param);
    return posix_thread_by_handle(handle) == NULL ? ESRCH : 0;
}

int __wrap_pthread_getschedparam(pthread_t handle, int *policy, struct sched_param *param)
{
    if (!sched_is_simulated())
        return __real_pthread_getschedparam(handle, policy, param);
    if (posix_thread_by_handle(handle) == NULL)
        return ESRCH;
    *policy = SCHED_OTHER;
    *param = (struct sched_param){0};
    return 0;
}

int __wrap_pthread_setschedprio(pthread_t handle, int priority)
{
    if (!sched_is_simulated())
        return __real_pthread_setschedprio(handle, priority);
    return posix_thread_by_handle(handle) == NULL ? ESRCH : 0;
}

int __wrap_pthread_getcpuclockid(pthread_t handle, clockid_t *clock)
{
    if (!sched_is_simulated())
        return __real_pthread_getcpuclockid(handle, clock);
    if (posix_thread_by_handle(handle) != posix_self())
        return ENOENT;
    *clock = CLOCK_THREAD_CPUTIME_ID;
    return 0;
}

int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    /* Nothing forks in a run. */
    return sched_is_simulated() ? 0 : __real_pthread_atfork(prepare, parent, child);
}
