/*
 * sim/posix/signal.c - sending signals, choosing who handles them, and running handlers: see
 * signal.h.
 */
#include "sim/posix/signal.h"

#include <errno.h>
#include <string.h>
#include <ucontext.h>

#include "sim/kernel/kernel.h"
#include "sim/posix/thread.h"
#include "sim/posix/wrap_threads.h"

struct signal_action {
    void (*handler)(int signo); /* or, with SA_SIGINFO, the long form */
    uint64_t mask;
    int flags;
};

enum { SIGNALS = 64 };

static uint64_t bit_of(int signo)
{
    return UINT64_C(1) << (signo - 1);
}

#define UNBLOCKABLE (bit_of(SIGKILL) | bit_of(SIGSTOP))

static uint64_t set_bits(const sigset_t *set)
{
    return set->__val[0];
}

static sigset_t bits_set(uint64_t bits)
{
    sigset_t set;

    sigemptyset(&set);
    set.__val[0] = bits;
    return set;
}

static struct signal_action action_of(const struct posix_process *process, int signo)
{
    static const struct signal_action standard;

    return process->actions == NULL ? standard : process->actions[signo - 1];
}

static bool is_ignored(const struct posix_process *process, int signo)
{
    struct signal_action action = action_of(process, signo);

    if (action.handler == SIG_IGN)
        return true;
    return action.handler == SIG_DFL &&
           (signo == SIGCHLD || signo == SIGURG || signo == SIGWINCH || signo == SIGCONT);
}

static bool is_trap(int signo)
{
    return signo == SIGABRT || signo == SIGSEGV || signo == SIGBUS || signo == SIGFPE ||
           signo == SIGILL || signo == SIGTRAP || signo == SIGSYS;
}

/* ---- choosing who ---- */

static bool is_alive(const struct posix_thread *thread, const struct posix_process *process)
{
    return thread->process == process && !thread->has_ended && thread->thread != NULL &&
           thread->thread->state != VTHREAD_DONE;
}

static bool may_take(const struct posix_thread *thread, uint64_t bit)
{
    return (thread->signals_awaited & bit) != 0 || (thread->signals_masked & bit) == 0;
}

static void notify(struct posix_thread *thread, uint64_t bit)
{
    if ((thread->signals_awaited & bit) != 0) {
        sched_unpark(thread->thread);
        return;
    }
    thread->thread->has_pending_signal = true;
    sched_interrupt(thread->thread);
}

/* Hands a signal that is pending for the process to one of its threads, if any takes it now. */
static void hand_out(struct posix_process *process, uint64_t bit)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < posix_run.thread_count; i++) {
        const struct posix_thread *thread = posix_run.threads[i];
        count += is_alive(thread, process) && may_take(thread, bit);
    }
    if (count == 0)
        return;
    uint32_t skip = choice_draw(CHOICE_WAKE, count);
    for (uint32_t i = 0; i < posix_run.thread_count; i++) {
        struct posix_thread *thread = posix_run.threads[i];
        if (is_alive(thread, process) && may_take(thread, bit) && skip-- == 0) {
            notify(thread, bit);
            return;
        }
    }
}

void signal_retarget(struct posix_thread *thread)
{
    struct posix_process *process = thread->process;

    for (uint64_t left = process->signals_pending; left != 0; left &= left - 1)
        hand_out(process, left & -left);
}

static bool is_blocked_somewhere(const struct posix_process *process, uint64_t bit)
{
    for (uint32_t i = 0; i < posix_run.thread_count; i++) {
        const struct posix_thread *thread = posix_run.threads[i];
        if (is_alive(thread, process) &&
            ((thread->signals_masked & bit) != 0 || (thread->signals_awaited & bit) != 0))
            return true;
    }
    return false;
}

bool sim_signal_send(struct process *target, int signo)
{
    struct posix_process *process = posix_process_of(target);

    if (signo <= 0 || signo > SIGNALS || process->has_ended)
        return false;
    if (signo == SIGKILL) {
        posix_process_end(process, 0, SIGKILL);
        return true;
    }
    uint64_t bit = bit_of(signo);
    /* An ignored signal is forgotten at once, unless somebody blocks it to wait for it. */
    if (is_ignored(process, signo) && !is_blocked_somewhere(process, bit))
        return true;
    process->signals_pending |= bit;
    hand_out(process, bit);
    return true;
}

void signal_send_thread(struct posix_thread *thread, int signo)
{
    uint64_t bit = bit_of(signo);

    if (signo == SIGKILL) {
        posix_process_end(thread->process, 0, SIGKILL);
        return;
    }
    if (is_ignored(thread->process, signo) && (thread->signals_masked & bit) == 0 &&
        (thread->signals_awaited & bit) == 0)
        return;
    thread->signals_pending |= bit;
    if (may_take(thread, bit))
        notify(thread, bit);
}

/* ---- handlers ---- */

int signal_take(struct posix_thread *self, uint64_t set)
{
    uint64_t own = self->signals_pending & set;
    uint64_t shared = self->process->signals_pending & set;
    uint64_t *from = own != 0 ? &self->signals_pending : &self->process->signals_pending;
    uint64_t found = own != 0 ? own : shared;

    if (found == 0)
        return 0;
    *from &= ~(found & -found);
    return __builtin_ctzll(found) + 1;
}

static enum signal_outcome act(struct posix_thread *self, int signo)
{
    struct posix_process *process = self->process;
    struct signal_action action = action_of(process, signo);

    if (is_ignored(process, signo))
        return SIGNAL_NONE;
    if (action.handler == SIG_DFL) {
        const void *pc = self->thread->next.pc;
        if (is_trap(signo))
            finding_fail(FINDING_CRASH, pc, "crash: SIG%s raised in {pc:%lx}", sigabbrev_np(signo),
                         (unsigned long)pc);
        posix_process_end(process, 0, signo);
        return SIGNAL_NONE;
    }
    uint64_t was_masked = self->signals_masked;
    self->signals_masked |= action.mask;
    if ((action.flags & SA_NODEFER) == 0)
        self->signals_masked |= bit_of(signo);
    if ((action.flags & SA_RESETHAND) != 0)
        process->actions[signo - 1] = (struct signal_action){0};
    if ((action.flags & SA_SIGINFO) != 0) {
        siginfo_t info = {.si_signo = signo, .si_code = SI_USER};
        ucontext_t context = {0};
        info.si_pid = process->process == NULL ? 0 : process->process->pid;
        ((void (*)(int, siginfo_t *, void *))(uintptr_t)action.handler)(signo, &info, &context);
    } else {
        action.handler(signo);
    }
    self->signals_masked = was_masked;
    return (action.flags & SA_RESTART) != 0 ? SIGNAL_RESTART : SIGNAL_INTERRUPT;
}

enum signal_outcome signal_deliver(struct vthread *vthread)
{
    struct posix_thread *self = posix_of(vthread);
    enum signal_outcome outcome = SIGNAL_NONE;

    vthread->has_pending_signal = false;
    for (;;) {
        int signo = signal_take(self, ~self->signals_masked);
        if (signo == 0)
            return outcome;
        enum signal_outcome one = act(self, signo);
        if (one > outcome)
            outcome = one;
    }
}

void signal_handle_pending(struct vthread *self)
{
    const struct posix_thread *thread = self->posix;

    /* One made by pthread_create that has not come to its first frame handles it there. */
    if (thread == NULL || thread->exit_jump != NULL || !thread->has_first_frame)
        (void)signal_deliver(self);
}

/* ---- dispositions ---- */

static int fail_with(int err)
{
    errno = err;
    return -1;
}

static struct signal_action *actions_for_change(void)
{
    struct posix_process *process = posix_self()->process;

    if (process->actions == NULL)
        process->actions = arena_take(sched_arena(), SIGNALS * sizeof(*process->actions));
    return process->actions;
}

int __wrap_sigaction(int signo, const struct sigaction *action, struct sigaction *old)
{
    if (!sched_is_simulated())
        return __real_sigaction(signo, action, old);
    if (signo <= 0 || signo > SIGNALS || (action != NULL && (UNBLOCKABLE & bit_of(signo)) != 0))
        return fail_with(EINVAL);
    struct posix_process *process = posix_self()->process;
    if (old != NULL) {
        struct signal_action was = action_of(process, signo);
        *old = (struct sigaction){.sa_flags = was.flags, .sa_mask = bits_set(was.mask)};
        old->sa_handler = was.handler;
    }
    if (action == NULL)
        return 0;
    actions_for_change()[signo - 1] = (struct signal_action){.handler = action->sa_handler,
                                                             .mask = set_bits(&action->sa_mask),
                                                             .flags = action->sa_flags};
    if (is_ignored(process, signo)) /* what was pending is forgotten */
        process->signals_pending &= ~bit_of(signo);
    return 0;
}

__sighandler_t __wrap_signal(int signo, __sighandler_t handler)
{
    struct sigaction action = {.sa_flags = SA_RESTART};
    struct sigaction old;

    if (!sched_is_simulated())
        return __real_signal(signo, handler);
    action.sa_handler = handler;
    return __wrap_sigaction(signo, &action, &old) != 0 ? SIG_ERR : old.sa_handler;
}

int __wrap_siginterrupt(int signo, int is_interrupting)
{
    if (!sched_is_simulated())
        return __real_siginterrupt(signo, is_interrupting);
    if (signo <= 0 || signo > SIGNALS)
        return fail_with(EINVAL);
    int *flags = &actions_for_change()[signo - 1].flags;
    *flags = is_interrupting ? *flags & ~SA_RESTART : *flags | SA_RESTART;
    return 0;
}

int __wrap_sigaltstack(const stack_t *stack, stack_t *old)
{
    if (!sched_is_simulated())
        return __real_sigaltstack(stack, old);
    if (old != NULL)
        *old = (stack_t){.ss_flags = SS_DISABLE};
    return 0; /* handlers run on the thread's own stack */
}

/* ---- masks ---- */

static int change_mask(int how, const sigset_t *set, sigset_t *old)
{
    struct posix_thread *self = posix_self();

    if (old != NULL)
        *old = bits_set(self->signals_masked);
    if (set == NULL)
        return 0;
    uint64_t bits = set_bits(set) & ~UNBLOCKABLE;
    switch (how) {
    case SIG_BLOCK:
        self->signals_masked |= bits;
        break;
    case SIG_UNBLOCK:
        self->signals_masked &= ~bits;
        break;
    case SIG_SETMASK:
        self->signals_masked = bits;
        break;
    default:
        return EINVAL;
    }
    (void)signal_deliver(self->thread);
    signal_retarget(self);
    return 0;
}

int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return sched_is_simulated() ? change_mask(how, set, old)
                                : __real_pthread_sigmask(how, set, old);
}

int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    if (!sched_is_simulated())
        return __real_sigprocmask(how, set, old);
    int err = change_mask(how, set, old);
    return err == 0 ? 0 : fail_with(err);
}

int __wrap_sigpending(sigset_t *set)
{
    if (!sched_is_simulated())
        return __real_sigpending(set);
    const struct posix_thread *self = posix_self();
    *set =
        bits_set((self->signals_pending | self->process->signals_pending) & self->signals_masked);
    return 0;
}

/* ---- sending ---- */

/* A signal that the caller sent to itself is handled before the call returns. */
static void handle_own(void)
{
    struct vthread *self = sched_self();

    if (self->has_pending_signal)
        (void)signal_deliver(self);
}

static struct process *process_by_pid(pid_t pid)
{
    struct process *own = sched_self()->process;

    if (own == NULL || pid == 0 || pid == own->pid || pid == -own->pid)
        return own;
    for (struct process *p = kernel == NULL ? NULL : process_first(); p != NULL; p = p->next) {
        if (p->pid == pid)
            return p;
    }
    return NULL;
}

int __wrap_kill(pid_t pid, int signo)
{
    if (!sched_is_simulated())
        return __real_kill(pid, signo);
    sched_point(OP_CALL, NULL, "kill", WRAP_PC);
    if (signo < 0 || signo > SIGNALS)
        return fail_with(EINVAL);
    struct process *process = process_by_pid(pid);
    if (process == NULL && sched_self()->process != NULL)
        return fail_with(ESRCH);
    if (signo == 0)
        return posix_process_of(process)->has_ended ? fail_with(ESRCH) : 0;
    if (!sim_signal_send(process, signo))
        return fail_with(ESRCH);
    handle_own();
    return 0;
}

int __wrap_raise(int signo)
{
    if (!sched_is_simulated())
        return __real_raise(signo);
    sched_point(OP_CALL, NULL, "raise", WRAP_PC);
    if (signo <= 0 || signo > SIGNALS)
        return fail_with(EINVAL);
    signal_send_thread(posix_self(), signo);
    handle_own();
    return 0;
}

int __wrap_pthread_kill(pthread_t handle, int signo)
{
    if (!sched_is_simulated())
        return __real_pthread_kill(handle, signo);
    sched_point(OP_CALL, NULL, "pthread_kill", WRAP_PC);
    struct posix_thread *thread = posix_thread_by_handle(handle);
    if (signo < 0 || signo > SIGNALS)
        return EINVAL;
    if (thread == NULL || thread->is_joined)
        return ESRCH;
    if (signo == 0 || thread->has_ended)
        return 0;
    signal_send_thread(thread, signo);
    handle_own();
    return 0;
}

static _Noreturn void fail_unsupported(const char *call, const void *pc)
{
    finding_fail(FINDING_UNSUPPORTED, pc, "unsupported: %s in {pc:%lx}", call, (unsigned long)pc);
}

int __wrap_sigqueue(pid_t pid, int signo, const union sigval value)
{
    if (!sched_is_simulated())
        return __real_sigqueue(pid, signo, value);
    fail_unsupported("sigqueue", WRAP_PC);
}

int __wrap_pthread_sigqueue(pthread_t handle, int signo, const union sigval value)
{
    if (!sched_is_simulated())
        return __real_pthread_sigqueue(handle, signo, value);
    fail_unsupported("pthread_sigqueue", WRAP_PC);
}

/* ---- alarm ---- */

static void fire_alarm(struct timer *timer)
{
    (void)sim_signal_send(timer->context, SIGALRM);
}

unsigned __wrap_alarm(unsigned seconds)
{
    enum { NS_PER_S = 1000000000 };

    if (!sched_is_simulated())
        return __real_alarm(seconds);
    struct posix_process *process = posix_self()->process;
    unsigned left = 0;
    if (process->alarm == NULL)
        process->alarm = arena_take(sched_arena(), sizeof(*process->alarm));
    if (timer_is_armed(process->alarm)) {
        uint64_t due_ns = process->alarm->due_ns;
        uint64_t now_ns = sched_now_ns();
        left = due_ns <= now_ns ? 1 : (unsigned)((due_ns - now_ns + NS_PER_S - 1) / NS_PER_S);
    }
    timer_cancel(process->alarm);
    if (seconds != 0)
        timer_arm(process->alarm, sched_clock_lane(), sched_now_ns() + (uint64_t)seconds * NS_PER_S,
                  fire_alarm, process->process);
    return left;
}
