/*
 * core/base/atomic.h - the only way core touches memory that threads share without a lock.
 *
 * Thin macros over C11 atomics. Natively each is exactly the C11 operation. In a simulated build
 * each is preceded by core_hook_atomic(), a place where the thread may be descheduled, and followed
 * by core_hook_result(), so that the same program has the same scheduling points under every
 * sanitizer. Operands are integers or pointers declared _Atomic.
 *
 * Naming: atom_<operation>_<order>; an operation without an order is relaxed. Every use stronger
 * than relaxed carries a "pair:" comment naming its other side.
 *
 * Threads: any.
 */
#ifndef CORE_BASE_ATOMIC_H
#define CORE_BASE_ATOMIC_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/base/hook.h"

#ifdef CORE_SIMULATED

#define ATOM_BITS_(v)                                                                              \
    ({                                                                                             \
        __auto_type atom_bits_v_ = (v);                                                            \
        (uint64_t)(uintptr_t)atom_bits_v_;                                                         \
    })

#define ATOM_LOAD_(p, order)                                                                       \
    ({                                                                                             \
        __auto_type atom_p_ = (p);                                                                 \
        core_hook_atomic(atom_p_, CORE_HOOK_LOAD, #p);                                             \
        __auto_type atom_v_ = atomic_load_explicit(atom_p_, order);                                \
        core_hook_result(atom_p_, ATOM_BITS_(atom_v_), ATOM_BITS_(atom_v_));                       \
        atom_v_;                                                                                   \
    })

/* What is at `address` now, zero-extended: for spin detection only, so it is hidden from whoever
 * watches memory. Nobody else runs between a point and the next one. */
__attribute__((noinline, unused, disable_sanitizer_instrumentation)) static uint64_t
atom_peek_(const volatile void *address, size_t size_bytes)
{
    switch (size_bytes) {
    case 1:
        return *(const volatile uint8_t *)address;
    case 2:
        return *(const volatile uint16_t *)address;
    case 4:
        return *(const volatile uint32_t *)address;
    default:
        return *(const volatile uint64_t *)address;
    }
}
#define ATOM_PEEK_(p) atom_peek_((p), sizeof(*(p)))

/* The type of what is in `*p`, without _Atomic; nothing is loaded. */
#define ATOM_TYPE_(p) __typeof__(atomic_load_explicit((p), memory_order_relaxed))

#define ATOM_STORE_(p, v, order)                                                                   \
    do {                                                                                           \
        __auto_type atom_p_ = (p);                                                                 \
        ATOM_TYPE_(atom_p_) atom_new_ = (v);                                                       \
        core_hook_atomic(atom_p_, CORE_HOOK_STORE, #p);                                            \
        uint64_t atom_was_ = ATOM_PEEK_(atom_p_);                                                  \
        atomic_store_explicit(atom_p_, atom_new_, order);                                          \
        core_hook_result(atom_p_, atom_was_, ATOM_PEEK_(atom_p_));                                 \
    } while (0)

/* `call` is the whole atomic_fetch_ or exchange, on atom_p_. */
#define ATOM_RMW_(p, call, order)                                                                  \
    ({                                                                                             \
        __auto_type atom_p_ = (p);                                                                 \
        core_hook_atomic(atom_p_, CORE_HOOK_RMW, #p);                                              \
        uint64_t atom_was_ = ATOM_PEEK_(atom_p_);                                                  \
        __auto_type atom_v_ = call;                                                                \
        core_hook_result(atom_p_, atom_was_, ATOM_PEEK_(atom_p_));                                 \
        atom_v_;                                                                                   \
    })

#define ATOM_CAS_(p, expected, desired, order)                                                     \
    ({                                                                                             \
        __auto_type atom_p_ = (p);                                                                 \
        __auto_type atom_e_ = (expected);                                                          \
        ATOM_TYPE_(atom_p_) atom_d_ = (desired);                                                   \
        core_hook_atomic(atom_p_, CORE_HOOK_CAS, #p);                                              \
        uint64_t atom_was_ = ATOM_PEEK_(atom_p_);                                                  \
        bool atom_ok_ = atomic_compare_exchange_strong_explicit(atom_p_, atom_e_, atom_d_, order,  \
                                                                memory_order_acquire);             \
        core_hook_result(atom_p_, atom_was_, ATOM_PEEK_(atom_p_));                                 \
        atom_ok_;                                                                                  \
    })

#define ATOM_FENCE_(order)                                                                         \
    do {                                                                                           \
        core_hook_atomic(NULL, CORE_HOOK_FENCE, "fence");                                          \
        atomic_thread_fence(order);                                                                \
    } while (0)

#define cpu_relax() core_hook_relax()

#else

#define ATOM_LOAD_(p, order) atomic_load_explicit((p), order)
#define ATOM_STORE_(p, v, order) atomic_store_explicit((p), (v), order)
#define ATOM_RMW_(p, call, order)                                                                  \
    ({                                                                                             \
        __auto_type atom_p_ = (p);                                                                 \
        call;                                                                                      \
    })
#define ATOM_CAS_(p, expected, desired, order)                                                     \
    atomic_compare_exchange_strong_explicit((p), (expected), (desired), order, memory_order_acquire)
#define ATOM_FENCE_(order) atomic_thread_fence(order)

#if defined(__x86_64__) || defined(__i386__)
#define cpu_relax() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define cpu_relax() __asm__ volatile("isb" ::: "memory")
#else
#define cpu_relax() ((void)0)
#endif

#endif

#define atom_load(p) ATOM_LOAD_(p, memory_order_relaxed)
#define atom_load_acquire(p) ATOM_LOAD_(p, memory_order_acquire)
#define atom_load_seq_cst(p) ATOM_LOAD_(p, memory_order_seq_cst)
#define atom_store(p, v) ATOM_STORE_(p, v, memory_order_relaxed)
#define atom_store_release(p, v) ATOM_STORE_(p, v, memory_order_release)
#define atom_store_seq_cst(p, v) ATOM_STORE_(p, v, memory_order_seq_cst)

#define atom_exchange(p, v, order)                                                                 \
    ATOM_RMW_(p, atomic_exchange_explicit(atom_p_, (v), order), order)
#define atom_fetch_add(p, v, order)                                                                \
    ATOM_RMW_(p, atomic_fetch_add_explicit(atom_p_, (v), order), order)
#define atom_fetch_sub(p, v, order)                                                                \
    ATOM_RMW_(p, atomic_fetch_sub_explicit(atom_p_, (v), order), order)
#define atom_fetch_or(p, v, order)                                                                 \
    ATOM_RMW_(p, atomic_fetch_or_explicit(atom_p_, (v), order), order)
#define atom_fetch_and(p, v, order)                                                                \
    ATOM_RMW_(p, atomic_fetch_and_explicit(atom_p_, (v), order), order)

/* Strong compare-and-swap; on failure `*expected` holds the value found (acquire). */
#define atom_cas(p, expected, desired, order) ATOM_CAS_(p, expected, desired, order)
#define atom_fence(order) ATOM_FENCE_(order)

/*
 * The same operations without a scheduling point, where one would only make runs longer: no order
 * of this access and those of others could be told from another order that the points around it
 * give anyway. Each use is one of these:
 *
 *   peek   asserts something; or reads what nobody else can change now; or is the guess that a CAS
 *          confirms, or that is followed by a load with a point before it decides anything
 *   poke   writes what nobody else looks at before something else is stored
 *   count  changes a number that nobody decides by while workers run
 *   own    changes bits that only the caller changes and looks at, beside those of others
 */
#define atom_peek(p) atomic_load_explicit((p), memory_order_relaxed)
#define atom_poke(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define atom_count_add(p, v) atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define atom_count_sub(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_relaxed)
#define atom_own_or(p, v, order) atomic_fetch_or_explicit((p), (v), order)
#define atom_own_and(p, v, order) atomic_fetch_and_explicit((p), (v), order)

#endif
