/*
 * sim/vthread/identity.h - real threads that lend their stack and thread-local storage.
 *
 * For each virtual thread there is one real pthread, made once, that parks for good on a small side
 * stack. The one OS thread that runs everything borrows its own stack and its TLS base: errno,
 * _Thread_local, pthread_self() and the sanitizers' per-thread state are then right without
 * annotations, at the cost of a few instructions a switch.
 *
 * Owner: the process; a run takes identities and gives them back.  Threads: the OS thread that
 * called identity_init; the parked threads run nothing but a futex system call.
 */
#ifndef SIM_VTHREAD_IDENTITY_H
#define SIM_VTHREAD_IDENTITY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct identity {
    uintptr_t tls_base;
    void *stack_top; /* highest address a borrowed frame may use; 16-aligned */
    void *stack_bottom;
    pthread_t pthread;
    struct identity *free_next;
    bool is_retired; /* a sanitizer could not forget its abandoned frames: never used again */
};

/* Once in a process, after any fork. */
void identity_init(void);

/* Of the stacks lent: 1 MiB unless set before the first is taken. */
extern size_t identity_stack_bytes;

/* Never NULL: makes more threads as needed; aborts with a message when the system has none. */
struct identity *identity_take(void);

/* Called with each identity that is taken, when not NULL: to give it fresh thread-local storage. */
extern void (*identity_taken)(struct identity *identity);

/* `is_abandoned`: frames of the last borrower are still on its stack. */
void identity_give(struct identity *identity, bool is_abandoned);

/* What pthread_self() returns on it. */
pthread_t identity_pthread(const struct identity *identity);

/* The identity of the OS thread itself, for coming back. */
uintptr_t identity_own_tls_base(void);

/* Sets up a stack so that the first switch to it calls entry(arg), which must not return. Returns
 * what to load. */
void *identity_prepare_stack(void *stack_top, void (*entry)(void *arg), void *arg);

/* private: whether the instruction that sets the TLS base is allowed, and what uses it. */
extern bool identity_has_fsgsbase;
void identity_switch_raw(void **save, void *load, uintptr_t tls_base);
void identity_set_tls_base(uintptr_t tls_base);

/* The TLS base in use stays: setting it costs more than all the rest of a switch. */
#define IDENTITY_SAME_TLS ((uintptr_t)0)

/* Saves the caller's registers, stores its stack pointer in `*save`, and goes on at `load` with the
 * given TLS base. Returns when somebody switches back. */
static inline void identity_switch(void **save, void *load, uintptr_t tls_base)
{
    if (__builtin_expect(!identity_has_fsgsbase, 0)) {
        identity_set_tls_base(tls_base);
        tls_base = IDENTITY_SAME_TLS;
    }
    identity_switch_raw(save, load, tls_base);
}

#endif
