/*
 * sim/sched/crash.c - see crash.h.
 *
 * A trap on a virtual thread becomes a finding, and the run's stack is left for good from inside
 * the handler: the handlers do not block their signal, and the kernel tells the signal stack's use
 * by the stack pointer alone, so nothing needs undoing. Outside a run the default action is
 * restored and the trap happens again.
 */
#include "sim/sched/crash.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#include "sim/sched/internal.h"

enum {
    SIGNAL_STACK_BYTES = 64 << 10,
    WATCH_PERIOD_S = 1,
    WATCH_PERIODS_MAX = 5, /* processor seconds without a step: no sync point is in the loop */
};

void (*crash_describe)(const void *address, char *out, size_t out_bytes);
bool (*crash_mend)(void *address);

int __real_sigaction(int signo, const struct sigaction *act, struct sigaction *old)
    __attribute__((weak));

static struct {
    uint64_t steps_seen;
    uint32_t periods;
} watch;

static const char *signal_word(int signo)
{
    switch (signo) {
    case SIGSEGV:
        return "segmentation fault";
    case SIGBUS:
        return "bus error";
    case SIGFPE:
        return "arithmetic trap";
    case SIGILL:
        return "illegal instruction";
    default:
        return "trap";
    }
}

static int set_handler(int signo, const struct sigaction *act)
{
    return __real_sigaction != NULL ? __real_sigaction(signo, act, NULL)
                                    : sigaction(signo, act, NULL);
}

static void on_trap(int signo, siginfo_t *info, void *context)
{
    const ucontext_t *machine = context;
    const void *pc = (const void *)machine->uc_mcontext.gregs[REG_RIP];
    char what[128] = "";

    if (signo == SIGSEGV && crash_mend != NULL && crash_mend(info->si_addr))
        return;
    if (!sched.is_running) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        (void)set_handler(signo, &action);
        return; /* and it traps again */
    }
    if (crash_describe != NULL)
        crash_describe(info->si_addr, what, sizeof(what));
    /* +1: the report treats every pc as a return address and steps back into the instruction. */
    finding_fail_detail(FINDING_CRASH, (const char *)pc + 1, what, "crash: %s in {pc:%lx}",
                        signal_word(signo), (unsigned long)pc + 1);
}

static void on_watch(int signo, siginfo_t *info, void *context)
{
    const ucontext_t *machine = context;
    const void *pc = (const void *)machine->uc_mcontext.gregs[REG_RIP];
    const void *last;

    (void)signo;
    (void)info;
    if (!sched.is_running)
        return;
    if (sched.steps != watch.steps_seen) {
        watch.steps_seen = sched.steps;
        watch.periods = 0;
        return;
    }
    if (++watch.periods < WATCH_PERIODS_MAX)
        return;
    watch.periods = 0;
    /* Where in the loop it is differs from run to run; what was done before the loop does not. */
    last = sched.current == NULL ? NULL : sched.current->next.pc;
    finding_fail(FINDING_LIVELOCK, (const char *)pc + 1,
                 "livelock: a loop behind {pc:%lx} reaches no scheduling point",
                 last == NULL ? (unsigned long)pc + 1 : (unsigned long)last);
}

void crash_init(void)
{
    static const int traps[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    static stack_t stack = {.ss_size = SIGNAL_STACK_BYTES};

    if (stack.ss_sp == NULL)
        stack.ss_sp = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) != 0) {
        perror("heddle: cannot make a signal stack");
        abort();
    }
    struct sigaction action = {.sa_sigaction = on_trap,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++)
        (void)set_handler(traps[i], &action);
    action.sa_sigaction = on_watch;
    action.sa_flags |= SA_RESTART;
    (void)set_handler(SIGVTALRM, &action);
    struct itimerval period = {.it_interval = {.tv_sec = WATCH_PERIOD_S},
                               .it_value = {.tv_sec = WATCH_PERIOD_S}};
    (void)setitimer(ITIMER_VIRTUAL, &period, NULL);
}

void crash_arm(void)
{
    watch.periods = 0;
    watch.steps_seen = UINT64_MAX;
}
