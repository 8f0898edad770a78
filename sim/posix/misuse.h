/*
 * sim/posix/misuse.h - findings about locks used as POSIX does not allow.
 *
 * Threads: none; on a virtual thread.
 */
#ifndef SIM_POSIX_MISUSE_H
#define SIM_POSIX_MISUSE_H

struct posix_thread;

/* "lock-misuse: WHAT OBJECT in {pc}", WHAT being printf-like: "unlock of unlocked". */
_Noreturn void misuse_fail(const volatile void *object, const void *pc, const char *what, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, saying who holds it and since when. */
_Noreturn void misuse_fail_held(const volatile void *object, const struct posix_thread *owner,
                                const void *pc, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

#endif
