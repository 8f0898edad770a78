"""The wrapped calls about threads, locks, signals, time and memory. See wrap_threads.h."""

_THREADS = [
    "__pthread_register_cancel",
    "__pthread_unregister_cancel",
    "__pthread_unwind_next",
    "pthread_atfork",
    "pthread_cancel",
    "pthread_clockjoin_np",
    "pthread_create",
    "pthread_detach",
    "pthread_exit",
    "pthread_getaffinity_np",
    "pthread_getattr_np",
    "pthread_getcpuclockid",
    "pthread_getname_np",
    "pthread_getschedparam",
    "pthread_join",
    "pthread_self",
    "pthread_setaffinity_np",
    "pthread_setcancelstate",
    "pthread_setcanceltype",
    "pthread_setname_np",
    "pthread_setschedparam",
    "pthread_setschedprio",
    "pthread_testcancel",
    "pthread_timedjoin_np",
    "pthread_tryjoin_np",
]

_MUTEXES = [
    "pthread_mutex_clocklock",
    "pthread_mutex_consistent",
    "pthread_mutex_destroy",
    "pthread_mutex_init",
    "pthread_mutex_lock",
    "pthread_mutex_timedlock",
    "pthread_mutex_trylock",
    "pthread_mutex_unlock",
]

_CONDITIONS = [
    "pthread_cond_broadcast",
    "pthread_cond_clockwait",
    "pthread_cond_destroy",
    "pthread_cond_init",
    "pthread_cond_signal",
    "pthread_cond_timedwait",
    "pthread_cond_wait",
]

_RWLOCKS = [
    "pthread_rwlock_clockrdlock",
    "pthread_rwlock_clockwrlock",
    "pthread_rwlock_destroy",
    "pthread_rwlock_init",
    "pthread_rwlock_rdlock",
    "pthread_rwlock_timedrdlock",
    "pthread_rwlock_timedwrlock",
    "pthread_rwlock_tryrdlock",
    "pthread_rwlock_trywrlock",
    "pthread_rwlock_unlock",
    "pthread_rwlock_wrlock",
]

_BARRIERS = [
    "pthread_barrier_destroy",
    "pthread_barrier_init",
    "pthread_barrier_wait",
    "pthread_spin_destroy",
    "pthread_spin_init",
    "pthread_spin_lock",
    "pthread_spin_trylock",
    "pthread_spin_unlock",
    "sem_clockwait",
    "sem_destroy",
    "sem_getvalue",
    "sem_init",
    "sem_post",
    "sem_timedwait",
    "sem_trywait",
    "sem_wait",
]

_KEYS = [
    "pthread_getspecific",
    "pthread_key_create",
    "pthread_key_delete",
    "pthread_once",
    "pthread_setspecific",
]

_C11 = [
    "call_once",
    "cnd_broadcast",
    "cnd_destroy",
    "cnd_init",
    "cnd_signal",
    "cnd_timedwait",
    "cnd_wait",
    "mtx_destroy",
    "mtx_init",
    "mtx_lock",
    "mtx_timedlock",
    "mtx_trylock",
    "mtx_unlock",
    "thrd_create",
    "thrd_current",
    "thrd_detach",
    "thrd_exit",
    "thrd_join",
    "thrd_sleep",
    "thrd_yield",
    "tss_create",
    "tss_delete",
    "tss_get",
    "tss_set",
]

_TIME = [
    "clock",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "clock_settime",
    "gettimeofday",
    "nanosleep",
    "pthread_yield",
    "sched_yield",
    "sleep",
    "time",
    "times",
    "timespec_get",
    "usleep",
]

_SIGNALS = [
    "alarm",
    "kill",
    "pause",
    "pthread_kill",
    "pthread_sigmask",
    "pthread_sigqueue",
    "raise",
    "sigaction",
    "sigaltstack",
    "siginterrupt",
    "signal",
    "sigpending",
    "sigprocmask",
    "sigqueue",
    "sigsuspend",
    "sigtimedwait",
    "sigwait",
    "sigwaitinfo",
]

_ENDS = [
    "_Exit",
    "__assert_fail",
    "__assert_perror_fail",
    "__cxa_atexit",
    "_exit",
    "abort",
    "at_quick_exit",
    "atexit",
    "exit",
    "on_exit",
    "quick_exit",
]

_CXX = [
    "__cxa_guard_abort",
    "__cxa_guard_acquire",
    "__cxa_guard_release",
    "__cxa_thread_atexit",
]

_RANDOM = [
    "drand48",
    "lrand48",
    "mrand48",
    "rand",
    "random",
    "srand",
    "srand48",
    "srandom",
]

_MEMORY = [
    "aligned_alloc",
    "asprintf",
    "calloc",
    "free",
    "malloc",
    "malloc_usable_size",
    "memalign",
    "posix_memalign",
    "realloc",
    "reallocarray",
    "strdup",
    "strndup",
    "valloc",
    "vasprintf",
]

WRAPPED_THREADS = (_THREADS +
                   _MUTEXES +
                   _CONDITIONS +
                   _RWLOCKS +
                   _BARRIERS +
                   _KEYS +
                   _C11 +
                   _TIME +
                   _SIGNALS +
                   _ENDS +
                   _CXX +
                   _RANDOM +
                   _MEMORY)
