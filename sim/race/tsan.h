/*
 * sim/race/tsan.h - the functions that clang's -fsanitize=thread calls (LLVM 14 to 19), and those
 * that programs call to tell a race detector what it cannot see (sanitizer/tsan_interface.h).
 *
 * Threads: none; on a virtual thread, and harmless elsewhere.
 */
#ifndef SIM_RACE_TSAN_H
#define SIM_RACE_TSAN_H

#include <stddef.h>
#include <stdint.h>

void __tsan_init(void);

/* ---- calls and plain accesses ---- */

void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);

#define TSAN_ACCESS(bytes)                                                                         \
    void __tsan_read##bytes(void *address);                                                        \
    void __tsan_write##bytes(void *address);                                                       \
    void __tsan_read_write##bytes(void *address);                                                  \
    void __tsan_read##bytes##_pc(void *address, void *pc);                                         \
    void __tsan_write##bytes##_pc(void *address, void *pc);                                        \
    void __tsan_volatile_read##bytes(void *address);                                               \
    void __tsan_volatile_write##bytes(void *address);
TSAN_ACCESS(1)
TSAN_ACCESS(2)
TSAN_ACCESS(4)
TSAN_ACCESS(8)
TSAN_ACCESS(16)
#undef TSAN_ACCESS

#define TSAN_UNALIGNED(bytes)                                                                      \
    void __tsan_unaligned_read##bytes(void *address);                                              \
    void __tsan_unaligned_write##bytes(void *address);                                             \
    void __tsan_unaligned_read_write##bytes(void *address);                                        \
    void __tsan_unaligned_volatile_read##bytes(void *address);                                     \
    void __tsan_unaligned_volatile_write##bytes(void *address);
TSAN_UNALIGNED(2)
TSAN_UNALIGNED(4)
TSAN_UNALIGNED(8)
TSAN_UNALIGNED(16)
#undef TSAN_UNALIGNED

void __tsan_read_range(void *address, size_t size_bytes);
void __tsan_write_range(void *address, size_t size_bytes);
void __tsan_read_range_pc(void *address, size_t size_bytes, void *pc);
void __tsan_write_range_pc(void *address, size_t size_bytes, void *pc);
void __tsan_vptr_update(void **vptr, void *value);
void __tsan_vptr_read(void **vptr);
void *__tsan_memcpy(void *to, const void *from, size_t size_bytes);
void *__tsan_memmove(void *to, const void *from, size_t size_bytes);
void *__tsan_memset(void *to, int value, size_t size_bytes);

/* ---- atomic operations ---- */

#define TSAN_RMW(bits, type, name)                                                                 \
    type __tsan_atomic##bits##_##name(volatile type *address, type value, int order);
#define TSAN_ATOMIC(bits, type)                                                                    \
    type __tsan_atomic##bits##_load(const volatile type *address, int order);                      \
    void __tsan_atomic##bits##_store(volatile type *address, type value, int order);               \
    TSAN_RMW(bits, type, exchange)                                                                 \
    TSAN_RMW(bits, type, fetch_add)                                                                \
    TSAN_RMW(bits, type, fetch_sub)                                                                \
    TSAN_RMW(bits, type, fetch_and)                                                                \
    TSAN_RMW(bits, type, fetch_or)                                                                 \
    TSAN_RMW(bits, type, fetch_xor)                                                                \
    TSAN_RMW(bits, type, fetch_nand)                                                               \
    int __tsan_atomic##bits##_compare_exchange_strong(volatile type *address, type *expected,      \
                                                      type desired, int order, int failure_order); \
    int __tsan_atomic##bits##_compare_exchange_weak(volatile type *address, type *expected,        \
                                                    type desired, int order, int failure_order);   \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *address, type expected,         \
                                                    type desired, int order, int failure_order);
TSAN_ATOMIC(8, uint8_t)
TSAN_ATOMIC(16, uint16_t)
TSAN_ATOMIC(32, uint32_t)
TSAN_ATOMIC(64, uint64_t)
TSAN_ATOMIC(128, unsigned __int128)
#undef TSAN_ATOMIC
#undef TSAN_RMW

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);

/* ---- what programs and the simulator say themselves ---- */

void __tsan_acquire(void *object);
void __tsan_release(void *object);

void __tsan_ignore_thread_begin(void);
void __tsan_ignore_thread_end(void);

enum { TSAN_MUTEX_READ_LOCK = 1 << 3 }; /* among the flags */

void __tsan_mutex_create(void *mutex, unsigned flags);
void __tsan_mutex_destroy(void *mutex, unsigned flags);
void __tsan_mutex_pre_lock(void *mutex, unsigned flags);
void __tsan_mutex_post_lock(void *mutex, unsigned flags, int recursion);
int __tsan_mutex_pre_unlock(void *mutex, unsigned flags);
void __tsan_mutex_post_unlock(void *mutex, unsigned flags);
void __tsan_mutex_pre_signal(void *mutex, unsigned flags);
void __tsan_mutex_post_signal(void *mutex, unsigned flags);
void __tsan_mutex_pre_divert(void *mutex, unsigned flags);
void __tsan_mutex_post_divert(void *mutex, unsigned flags);

void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_set_fiber_name(void *fiber, const char *name);

void *__tsan_external_register_tag(const char *object_type);
void __tsan_external_register_header(void *tag, const char *header);
void __tsan_external_assign_tag(void *object, void *tag);
void __tsan_external_read(void *object, void *caller_pc, void *tag);
void __tsan_external_write(void *object, void *caller_pc, void *tag);

void __tsan_flush_memory(void);
void __tsan_check_no_mutexes_held(void);

#endif
