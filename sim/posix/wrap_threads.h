/*
 * sim/posix/wrap_threads.h - the wrapped calls about threads, locks, signals, time and memory.
 *
 * The linker sends the code under test's call of NAME to __wrap_NAME (-Wl,--wrap=NAME, see
 * wrapped_threads.bzl). Off a virtual thread, or while the simulator itself needs the system, it
 * goes on to __real_NAME.
 *
 * Threads: any.
 */
#ifndef SIM_POSIX_WRAP_THREADS_H
#define SIM_POSIX_WRAP_THREADS_H

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/times.h>
#include <threads.h>
#include <time.h>

/* Who called: directly inside a __wrap_ function only. */
#define WRAP_PC __builtin_return_address(0)

#define WRAPPED(type, name, ...)                                                                   \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);

/* thread.c, thread_attr.c */
WRAPPED(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)
WRAPPED(int, pthread_join, pthread_t, void **)
WRAPPED(int, pthread_tryjoin_np, pthread_t, void **)
WRAPPED(int, pthread_timedjoin_np, pthread_t, void **, const struct timespec *)
WRAPPED(int, pthread_clockjoin_np, pthread_t, void **, clockid_t, const struct timespec *)
WRAPPED(int, pthread_detach, pthread_t)
WRAPPED(_Noreturn void, pthread_exit, void *)
WRAPPED(pthread_t, pthread_self, void)
WRAPPED(int, pthread_setname_np, pthread_t, const char *)
WRAPPED(int, pthread_getname_np, pthread_t, char *, size_t)
WRAPPED(int, pthread_cancel, pthread_t)
WRAPPED(int, pthread_setcancelstate, int, int *)
WRAPPED(int, pthread_setcanceltype, int, int *)
WRAPPED(void, pthread_testcancel, void)
WRAPPED(int, pthread_getattr_np, pthread_t, pthread_attr_t *)
WRAPPED(int, pthread_setaffinity_np, pthread_t, size_t, const cpu_set_t *)
WRAPPED(int, pthread_getaffinity_np, pthread_t, size_t, cpu_set_t *)
WRAPPED(int, pthread_setschedparam, pthread_t, int, const struct sched_param *)
WRAPPED(int, pthread_getschedparam, pthread_t, int *, struct sched_param *)
WRAPPED(int, pthread_setschedprio, pthread_t, int)
WRAPPED(int, pthread_getcpuclockid, pthread_t, clockid_t *)
WRAPPED(int, pthread_atfork, void (*)(void), void (*)(void), void (*)(void))
WRAPPED(void, __pthread_register_cancel, __pthread_unwind_buf_t *)
WRAPPED(void, __pthread_unregister_cancel, __pthread_unwind_buf_t *)
WRAPPED(_Noreturn void, __pthread_unwind_next, __pthread_unwind_buf_t *)

/* mutex.c */
WRAPPED(int, pthread_mutex_init, pthread_mutex_t *, const pthread_mutexattr_t *)
WRAPPED(int, pthread_mutex_destroy, pthread_mutex_t *)
WRAPPED(int, pthread_mutex_lock, pthread_mutex_t *)
WRAPPED(int, pthread_mutex_trylock, pthread_mutex_t *)
WRAPPED(int, pthread_mutex_timedlock, pthread_mutex_t *, const struct timespec *)
WRAPPED(int, pthread_mutex_clocklock, pthread_mutex_t *, clockid_t, const struct timespec *)
WRAPPED(int, pthread_mutex_unlock, pthread_mutex_t *)
WRAPPED(int, pthread_mutex_consistent, pthread_mutex_t *)

/* cond.c */
WRAPPED(int, pthread_cond_init, pthread_cond_t *, const pthread_condattr_t *)
WRAPPED(int, pthread_cond_destroy, pthread_cond_t *)
WRAPPED(int, pthread_cond_wait, pthread_cond_t *, pthread_mutex_t *)
WRAPPED(int, pthread_cond_timedwait, pthread_cond_t *, pthread_mutex_t *, const struct timespec *)
WRAPPED(int, pthread_cond_clockwait, pthread_cond_t *, pthread_mutex_t *, clockid_t,
        const struct timespec *)
WRAPPED(int, pthread_cond_signal, pthread_cond_t *)
WRAPPED(int, pthread_cond_broadcast, pthread_cond_t *)

/* rwlock.c */
WRAPPED(int, pthread_rwlock_init, pthread_rwlock_t *, const pthread_rwlockattr_t *)
WRAPPED(int, pthread_rwlock_destroy, pthread_rwlock_t *)
WRAPPED(int, pthread_rwlock_rdlock, pthread_rwlock_t *)
WRAPPED(int, pthread_rwlock_tryrdlock, pthread_rwlock_t *)
WRAPPED(int, pthread_rwlock_timedrdlock, pthread_rwlock_t *, const struct timespec *)
WRAPPED(int, pthread_rwlock_clockrdlock, pthread_rwlock_t *, clockid_t, const struct timespec *)
WRAPPED(int, pthread_rwlock_wrlock, pthread_rwlock_t *)
WRAPPED(int, pthread_rwlock_trywrlock, pthread_rwlock_t *)
WRAPPED(int, pthread_rwlock_timedwrlock, pthread_rwlock_t *, const struct timespec *)
WRAPPED(int, pthread_rwlock_clockwrlock, pthread_rwlock_t *, clockid_t, const struct timespec *)
WRAPPED(int, pthread_rwlock_unlock, pthread_rwlock_t *)

/* barrier.c, spinlock.c, sem.c */
WRAPPED(int, pthread_barrier_init, pthread_barrier_t *, const pthread_barrierattr_t *, unsigned)
WRAPPED(int, pthread_barrier_destroy, pthread_barrier_t *)
WRAPPED(int, pthread_barrier_wait, pthread_barrier_t *)
WRAPPED(int, pthread_spin_init, pthread_spinlock_t *, int)
WRAPPED(int, pthread_spin_destroy, pthread_spinlock_t *)
WRAPPED(int, pthread_spin_lock, pthread_spinlock_t *)
WRAPPED(int, pthread_spin_trylock, pthread_spinlock_t *)
WRAPPED(int, pthread_spin_unlock, pthread_spinlock_t *)
WRAPPED(int, sem_init, sem_t *, int, unsigned)
WRAPPED(int, sem_destroy, sem_t *)
WRAPPED(int, sem_wait, sem_t *)
WRAPPED(int, sem_trywait, sem_t *)
WRAPPED(int, sem_timedwait, sem_t *, const struct timespec *)
WRAPPED(int, sem_clockwait, sem_t *, clockid_t, const struct timespec *)
WRAPPED(int, sem_post, sem_t *)
WRAPPED(int, sem_getvalue, sem_t *, int *)

/* tls_key.c */
WRAPPED(int, pthread_key_create, pthread_key_t *, void (*)(void *))
WRAPPED(int, pthread_key_delete, pthread_key_t)
WRAPPED(void *, pthread_getspecific, pthread_key_t)
WRAPPED(int, pthread_setspecific, pthread_key_t, const void *)
WRAPPED(int, pthread_once, pthread_once_t *, void (*)(void))

/* threads11.c */
WRAPPED(int, thrd_create, thrd_t *, thrd_start_t, void *)
WRAPPED(thrd_t, thrd_current, void)
WRAPPED(int, thrd_sleep, const struct timespec *, struct timespec *)
WRAPPED(_Noreturn void, thrd_exit, int)
WRAPPED(int, thrd_detach, thrd_t)
WRAPPED(int, thrd_join, thrd_t, int *)
WRAPPED(void, thrd_yield, void)
WRAPPED(int, mtx_init, mtx_t *, int)
WRAPPED(int, mtx_lock, mtx_t *)
WRAPPED(int, mtx_timedlock, mtx_t *, const struct timespec *)
WRAPPED(int, mtx_trylock, mtx_t *)
WRAPPED(int, mtx_unlock, mtx_t *)
WRAPPED(void, mtx_destroy, mtx_t *)
WRAPPED(void, call_once, once_flag *, void (*)(void))
WRAPPED(int, cnd_init, cnd_t *)
WRAPPED(int, cnd_signal, cnd_t *)
WRAPPED(int, cnd_broadcast, cnd_t *)
WRAPPED(int, cnd_wait, cnd_t *, mtx_t *)
WRAPPED(int, cnd_timedwait, cnd_t *, mtx_t *, const struct timespec *)
WRAPPED(void, cnd_destroy, cnd_t *)
WRAPPED(int, tss_create, tss_t *, tss_dtor_t)
WRAPPED(void *, tss_get, tss_t)
WRAPPED(int, tss_set, tss_t, void *)
WRAPPED(void, tss_delete, tss_t)

/* sleep.c, clock.c */
WRAPPED(int, sched_yield, void)
WRAPPED(int, pthread_yield, void)
WRAPPED(int, nanosleep, const struct timespec *, struct timespec *)
WRAPPED(int, clock_nanosleep, clockid_t, int, const struct timespec *, struct timespec *)
WRAPPED(int, usleep, useconds_t)
WRAPPED(unsigned, sleep, unsigned)
WRAPPED(int, clock_gettime, clockid_t, struct timespec *)
WRAPPED(int, clock_getres, clockid_t, struct timespec *)
WRAPPED(int, clock_settime, clockid_t, const struct timespec *)
WRAPPED(int, gettimeofday, struct timeval *, void *)
WRAPPED(time_t, time, time_t *)
WRAPPED(clock_t, times, struct tms *)
WRAPPED(clock_t, clock, void)
WRAPPED(int, timespec_get, struct timespec *, int)

/* signal.c, signal_wait.c */
WRAPPED(int, sigaction, int, const struct sigaction *, struct sigaction *)
WRAPPED(__sighandler_t, signal, int, __sighandler_t)
WRAPPED(int, pthread_sigmask, int, const sigset_t *, sigset_t *)
WRAPPED(int, sigprocmask, int, const sigset_t *, sigset_t *)
WRAPPED(int, sigpending, sigset_t *)
WRAPPED(int, sigsuspend, const sigset_t *)
WRAPPED(int, pause, void)
WRAPPED(int, sigwait, const sigset_t *, int *)
WRAPPED(int, sigwaitinfo, const sigset_t *, siginfo_t *)
WRAPPED(int, sigtimedwait, const sigset_t *, siginfo_t *, const struct timespec *)
WRAPPED(int, sigaltstack, const stack_t *, stack_t *)
WRAPPED(int, siginterrupt, int, int)
WRAPPED(int, kill, pid_t, int)
WRAPPED(int, raise, int)
WRAPPED(int, pthread_kill, pthread_t, int)
WRAPPED(int, pthread_sigqueue, pthread_t, int, const union sigval)
WRAPPED(int, sigqueue, pid_t, int, const union sigval)
WRAPPED(unsigned, alarm, unsigned)

/* exit.c, assert.c */
WRAPPED(_Noreturn void, exit, int)
WRAPPED(_Noreturn void, _exit, int)
WRAPPED(_Noreturn void, _Exit, int)
WRAPPED(_Noreturn void, quick_exit, int)
WRAPPED(int, atexit, void (*)(void))
WRAPPED(int, on_exit, void (*)(int, void *), void *)
WRAPPED(int, at_quick_exit, void (*)(void))
WRAPPED(int, __cxa_atexit, void (*)(void *), void *, void *)
WRAPPED(_Noreturn void, abort, void)
WRAPPED(_Noreturn void, __assert_fail, const char *, const char *, unsigned, const char *)
WRAPPED(_Noreturn void, __assert_perror_fail, int, const char *, unsigned, const char *)

/* cxx.c; what the C++ runtime defines is absent from C programs */
WRAPPED(int, __cxa_guard_acquire, uint64_t *)
WRAPPED(void, __cxa_guard_release, uint64_t *)
WRAPPED(void, __cxa_guard_abort, uint64_t *)
WRAPPED(int, __cxa_thread_atexit, void (*)(void *), void *, void *)
#pragma weak __real___cxa_guard_acquire
#pragma weak __real___cxa_guard_release
#pragma weak __real___cxa_guard_abort
#pragma weak __real___cxa_thread_atexit

/* random.c */
WRAPPED(int, rand, void)
WRAPPED(void, srand, unsigned)
WRAPPED(long, random, void)
WRAPPED(void, srandom, unsigned)
WRAPPED(long, lrand48, void)
WRAPPED(long, mrand48, void)
WRAPPED(double, drand48, void)
WRAPPED(void, srand48, long)

/* sim/memory/heap.c */
WRAPPED(void *, malloc, size_t)
WRAPPED(void *, calloc, size_t, size_t)
WRAPPED(void *, realloc, void *, size_t)
WRAPPED(void *, reallocarray, void *, size_t, size_t)
WRAPPED(void, free, void *)
WRAPPED(void *, aligned_alloc, size_t, size_t)
WRAPPED(void *, memalign, size_t, size_t)
WRAPPED(void *, valloc, size_t)
WRAPPED(int, posix_memalign, void **, size_t, size_t)
WRAPPED(size_t, malloc_usable_size, void *)
WRAPPED(char *, strdup, const char *)
WRAPPED(char *, strndup, const char *, size_t)
WRAPPED(int, asprintf, char **, const char *, ...)
WRAPPED(int, vasprintf, char **, const char *, va_list)

#undef WRAPPED

#endif
