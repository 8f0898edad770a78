/*
 * sim/vthread/identity.c - see identity.h.
 *
 * x86-64 Linux with glibc. The TLS base is the FS register: read and written by instruction where
 * the kernel allows it (FSGSBASE), by arch_prctl elsewhere.
 */
#include "sim/vthread/identity.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
#error "virtual threads are implemented for x86-64 only"
#endif

enum {
    STACK_BYTES = 1 << 20,
    SIDE_STACK_BYTES = 16 << 10,
    HWCAP2_FSGSBASE_BIT = 1 << 1,
};

void __asan_unpoison_memory_region(void const volatile *addr, size_t size) __attribute__((weak));
/* Only clang's runtime has it; sim/race defines the rest of the interface. */
void *__tsan_get_current_report(void) __attribute__((weak));

size_t identity_stack_bytes = STACK_BYTES;

void (*identity_taken)(struct identity *identity);

static struct {
    uintptr_t own_tls_base;
    struct identity *free_list;
    uint32_t made_count;
} pool;

bool identity_has_fsgsbase;

static uintptr_t tls_base_get(void)
{
    uintptr_t base;

    if (identity_has_fsgsbase)
        __asm__ volatile("rdfsbase %0" : "=r"(base));
    else if (syscall(SYS_arch_prctl, ARCH_GET_FS, &base) != 0)
        abort();
    return base;
}

/*
 * identity_switch_raw(save, load): the callee-saved registers of the System V ABI go on the old
 * stack and come off the new one. It leaves by a return: both stacks stopped in the same call
 * nearly always, so the processor, which remembers where calls came from, is right about this
 * return and the ones that follow. Floating-point control words are not touched by code under test.
 */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl identity_switch_raw\n"
        ".hidden identity_switch_raw\n"
        ".type identity_switch_raw,@function\n"
        "identity_switch_raw:\n"
        "    .cfi_startproc\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    testq %rdx, %rdx\n"
        "    jz 1f\n"
        "    wrfsbase %rdx\n"
        "1:  movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size identity_switch_raw,.-identity_switch_raw\n"
        /* First frame of a borrowed stack: r12 is the entry, r13 its argument. The zero frame
         * pointer and return address end every unwinder's walk. */
        ".p2align 4\n"
        ".local first_frame\n"
        ".type first_frame,@function\n"
        "first_frame:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined rip\n"
        "    movq %r13, %rdi\n"
        "    xorl %ebp, %ebp\n"
        "    callq *%r12\n"
        "    ud2\n"
        "    .cfi_endproc\n"
        ".size first_frame,.-first_frame\n"
        /* park_for_good(side_stack_top, futex): leaves the thread's own stack for ever. */
        ".p2align 4\n"
        ".local park_for_good\n"
        ".type park_for_good,@function\n"
        "park_for_good:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined rip\n"
        "    movq %rdi, %rsp\n"
        "    movq %rsi, %r12\n"
        "    movl $1, (%r12)\n"
        "    movq %r12, %rdi\n"
        "    movl $129, %esi\n" /* FUTEX_WAKE | FUTEX_PRIVATE_FLAG */
        "    movl $1, %edx\n"
        "    movl $202, %eax\n" /* futex */
        "    syscall\n"
        "2:  movq %r12, %rdi\n"
        "    movl $128, %esi\n" /* FUTEX_WAIT | FUTEX_PRIVATE_FLAG */
        "    movl $1, %edx\n"
        "    xorl %r10d, %r10d\n"
        "    movl $202, %eax\n"
        "    syscall\n"
        "    jmp 2b\n"
        "    .cfi_endproc\n"
        ".size park_for_good,.-park_for_good\n");

void first_frame(void);
_Noreturn void park_for_good(void *side_stack_top, uint32_t *parked);

void identity_set_tls_base(uintptr_t tls_base)
{
    if (tls_base != IDENTITY_SAME_TLS)
        syscall(SYS_arch_prctl, ARCH_SET_FS, tls_base);
}

void *identity_prepare_stack(void *stack_top, void (*entry)(void *arg), void *arg)
{
    /* Popped by identity_switch_raw: r15 r14 r13 r12 rbx rbp, then the return address. first_frame
     * is entered by a return, so the stack must be 16-aligned there for its call to be aligned as
     * the ABI asks.
     */
    uintptr_t top = (uintptr_t)stack_top & ~(uintptr_t)15;
    void **frame = (void **)(top - 16);

    frame[0] = NULL;
    frame[1] = NULL;
    *--frame = (void *)(uintptr_t)first_frame;
    *--frame = NULL;                     /* rbp */
    *--frame = NULL;                     /* rbx */
    *--frame = (void *)(uintptr_t)entry; /* r12 */
    *--frame = arg;                      /* r13 */
    *--frame = NULL;                     /* r14 */
    *--frame = NULL;                     /* r15 */
    return frame;
}

struct lending {
    struct identity *identity;
    uint32_t parked; /* futex: 1 once the thread is on its side stack */
};

/* Body of the real thread: notes what it lends and leaves its stack for ever. */
static void *lend_identity(void *arg)
{
    struct lending *lending = arg;
    struct identity *identity = lending->identity;
    pthread_attr_t attr;
    void *bottom;
    size_t size_bytes;

    if (pthread_getattr_np(pthread_self(), &attr) != 0 ||
        pthread_attr_getstack(&attr, &bottom, &size_bytes) != 0)
        abort();
    (void)pthread_attr_destroy(&attr);
    char *side =
        mmap(NULL, SIDE_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (side == MAP_FAILED)
        abort();
    /* The futex word must outlive the creator's frame: it lives at the side stack's end. */
    identity->tls_base = tls_base_get();
    identity->stack_bottom = bottom;
    /* 256 bytes below this frame: what the compiler keeps below its stack pointer is left alone. */
    identity->stack_top = (void *)(((uintptr_t)__builtin_frame_address(0) - 256) & ~(uintptr_t)15);
    park_for_good(side + SIDE_STACK_BYTES - 64, &lending->parked);
}

static struct identity *identity_make(void)
{
    struct identity *identity = calloc(1, sizeof(*identity));
    struct lending *lending = calloc(1, sizeof(*lending));
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;

    if (identity == NULL || lending == NULL)
        abort();
    lending->identity = identity;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, identity_stack_bytes);
    int err = pthread_create(&identity->pthread, &attr, lend_identity, lending);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err != 0) {
        fprintf(stderr, "heddle: cannot make virtual thread %u: %s\n", pool.made_count,
                strerror(err));
        abort();
    }
    while (__atomic_load_n(&lending->parked, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, &lending->parked, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    /* `lending` stays: the parked thread sleeps on its word for ever. */
    pool.made_count++;
    return identity;
}

void identity_init(void)
{
    identity_has_fsgsbase = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT) != 0;
    pool.own_tls_base = tls_base_get();
}

struct identity *identity_take(void)
{
    struct identity *identity = pool.free_list;

    if (identity == NULL) {
        identity = identity_make();
    } else {
        pool.free_list = identity->free_next;
        identity->free_next = NULL;
    }
    if (identity_taken != NULL)
        identity_taken(identity);
    return identity;
}

void identity_give(struct identity *identity, bool is_abandoned)
{
    if (is_abandoned && __tsan_get_current_report != NULL) {
        /* The sanitizer's shadow call stack cannot be rewound from outside. */
        identity->is_retired = true;
        return;
    }
    if (is_abandoned && __asan_unpoison_memory_region != NULL)
        __asan_unpoison_memory_region(
            identity->stack_bottom,
            (size_t)((char *)identity->stack_top - (char *)identity->stack_bottom));
    identity->free_next = pool.free_list;
    pool.free_list = identity;
}

pthread_t identity_pthread(const struct identity *identity)
{
    return identity->pthread;
}

uintptr_t identity_own_tls_base(void)
{
    return pool.own_tls_base;
}
