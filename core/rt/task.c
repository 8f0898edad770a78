#include "core/rt/task.h"

#include "core/base/err.h"
#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/rt/run.h"
#include "core/rt/timer.h"
#include "core/rt/worker.h"

/*
 * pair: task.wake. Each change of the word that queues, picks or ends an object is acquire and
 * release: what the waker wrote before its wake-up is seen by the run that follows it, what a run
 * wrote is seen by the next one on whichever worker. Without it the callback could miss the very
 * event it was woken for.
 */

static void init_common(struct tasklet *common, struct rt *rt, uint32_t bits, int owner, void *ctx)
{
    BUG_ON(owner < TASK_ANY || owner >= (int)rt->config.workers);
    atomic_init(&common->word, run_word_make(bits, owner));
    atomic_init(&common->ctx, ctx);
    common->rt = rt;
    list_init(&common->link);
    common->turn_last = 0;
}

/* The word with a free task's ownership claimed for the calling worker. */
static uint64_t claim(uint64_t word)
{
    if (run_word_owner(word) != TASK_ANY)
        return word;
    return run_word_make(run_word_bits(word), run_owner_for_now(worker_id()));
}

static bool is_mine(uint64_t word)
{
    return run_owner_worker(run_word_owner(word)) == worker_id();
}

/* Bound to a worker for life: its date is that worker's business alone. */
static bool is_bound(struct task *task)
{
    return run_word_owner(atom_peek(&task->common.word)) >= 0;
}

struct task *task_new_on(struct rt *rt, int owner, task_process_fn process, void *ctx)
{
    struct task *task = pool_take(&rt->task_pool);

    if (task == NULL)
        return NULL;
    init_common(&task->common, rt, 0, owner, ctx);
    task->common.process.task = process;
    atomic_init(&task->expire_ns, TIME_NEVER);
    task->nice = 0;
    task->is_timed = false;
    HOOK_NAME(task, "task", "task");
    return task;
}

/* Ors `why` in and elects the caller to queue the task; true when it won, with the word it left. */
static bool elect(struct task *task, uint32_t why, uint64_t *out)
{
    _Atomic uint64_t *word = &task->common.word;
    /* pair: task.wake. Even if somebody else queues it, or runs it now and queues it again. */
    uint64_t now = atom_fetch_or(word, why, memory_order_acq_rel) | why;

    while ((now & (TASK_RUNNING | TASK_QUEUED)) == 0) {
        *out = claim(now) | TASK_QUEUED;
        /* pair: task.wake. */
        if (atom_cas(word, &now, *out, memory_order_acq_rel))
            return true;
    }
    return false;
}

void task_wakeup(struct task *task, uint32_t why)
{
    uint64_t word;

    if (elect(task, why, &word))
        run_push_task(task, run_owner_worker(run_word_owner(word)));
}

void task_wakeup_now(struct task *task, uint32_t why)
{
    uint64_t word;

    if (elect(task, why, &word))
        run_push_tasklet(&task->common, run_owner_worker(run_word_owner(word)),
                         run_word_bits(word));
}

void task_queue(struct task *task)
{
    uint64_t expire_ns = task_expire(task);

    if (expire_ns == TIME_NEVER)
        return;
    /* S6: a task is filed in the timers of its own worker only. */
    BUG_ON(!is_mine(atom_peek(&task->common.word)));
    if (task->is_timed && task->timer_due_ns <= expire_ns)
        return;
    timers_insert(&worker_self()->timers, task);
}

static void bring_forward(struct task *task, uint64_t when_ns)
{
    if (when_ns < task_expire(task))
        task_set_expire(task, when_ns);
}

/* The mistake of K20a: the date is written without holding RUNNING, and filed later. Whoever runs
 * the task meanwhile resets the date, and a task without a date is filed. */
static void schedule_without_running(struct task *task, uint64_t when_ns)
{
    _Atomic uint64_t *word = &task->common.word;
    uint64_t now;

    bring_forward(task, when_ns);
    now = atom_load_acquire(word); /* pair: task.wake. */
    while (run_word_owner(now) == TASK_ANY) {
        /* pair: task.wake. */
        if (atom_cas(word, &now, claim(now), memory_order_acq_rel))
            now = claim(now);
    }
    if (is_mine(now))
        timers_insert(&worker_self()->timers, task);
    else
        task_wakeup(task, TASK_WOKEN_WQ);
}

/* A free task's date is written and filed with RUNNING held. */
static void schedule_free(struct task *task, uint64_t when_ns)
{
    _Atomic uint64_t *word = &task->common.word;
    uint64_t next, now = atom_load(word);

    do {
        if (now & TASK_RUNNING) {
            if (PLANT(K20b)) {
                /* Waits for the runner, which may want a lock that our caller holds. */
                do {
                    cpu_relax();
                    now = atom_load_acquire(word); /* pair: task.wake. */
                } while (now & TASK_RUNNING);
            } else {
                /* Its runner decides on the date when it has seen the wake-up. */
                MARK("rt.task.schedule_while_running");
                task_wakeup(task, TASK_WOKEN_OTHER);
                return;
            }
        }
        next = claim(now) | TASK_RUNNING;
        /* pair: task.wake. */
    } while (!atom_cas(word, &now, next, memory_order_acq_rel));

    bring_forward(task, when_ns);
    if (is_mine(next)) {
        task_queue(task);
    } else if (PLANT(C34)) {
        /* Into the caller's timers, though the owner has, or will have, it in its own. */
        timers_insert(&worker_self()->timers, task);
    } else {
        /* Only the owner may file it; it will when it sees this bit. */
        MARK("rt.task.schedule_foreign");
        atom_fetch_or(word, TASK_WOKEN_WQ, memory_order_relaxed);
    }
    run_drop_running(task, is_mine(next));
}

void task_schedule(struct task *task, uint64_t when_ns)
{
    if (when_ns == TIME_NEVER)
        return;
    if (worker_self()->current == &task->common) {
        /* Inside its own process(): the scheduler files it afterwards. */
        bring_forward(task, when_ns);
    } else if (is_bound(task)) {
        bring_forward(task, when_ns);
        task_queue(task);
    } else if (PLANT(K20a)) {
        schedule_without_running(task, when_ns);
    } else {
        schedule_free(task, when_ns);
    }
}

uint64_t task_expire(struct task *task)
{
    return is_bound(task) ? atom_peek(&task->expire_ns) : atom_load(&task->expire_ns);
}

void task_set_expire(struct task *task, uint64_t when_ns)
{
    if (is_bound(task))
        atom_poke(&task->expire_ns, when_ns);
    else
        atom_store(&task->expire_ns, when_ns);
}

/* The worker whose queues and timers hold an object. Nobody else may take it out while workers run.
 */
static struct worker *home_of(struct tasklet *object)
{
    struct worker *self = worker_self();
    /* The caller's, or nobody's: it stays so. */
    int owner = run_owner_worker(run_word_owner(atom_peek(&object->word)));

    if (owner < 0 || owner == self->id)
        return self;
    BUG_ON(object->rt->is_running);
    return worker_at(object->rt, owner);
}

void task_destroy(struct task *task)
{
    struct worker *home = home_of(&task->common);
    bool is_current = home->current == &task->common;
    /* pair: task.wake. What others wrote before they woke it for the last time is done with. */
    uint64_t word = atom_load_acquire(&task->common.word);

    timers_remove(&home->timers, task);
    if (is_current || (word & (TASK_QUEUED | TASK_RUNNING)) == 0) {
        run_free(&task->common);
        return;
    }
    task_set_ctx(task, NULL);
    /* It is in one of our queues, or on its way there: freed when it is picked. */
    atom_fetch_or(&task->common.word, TASK_KILLED, memory_order_acq_rel);
}

void task_kill(struct task *task)
{
    _Atomic uint64_t *word = &task->common.word;
    uint64_t next, now = atom_peek(word);

    do {
        BUG_ON(now & TASK_KILLED); /* one killer */
        next = now | TASK_KILLED;
        if ((now & (TASK_RUNNING | TASK_QUEUED)) == 0 && !PLANT(C37))
            next = claim(next) | TASK_QUEUED;
        /* pair: task.wake. Who frees it has seen what we did to its ctx. */
    } while (!atom_cas(word, &now, next, memory_order_acq_rel));
    /* C37 leaves a task that nobody runs or queues for ever; here we are elected to queue it. */
    if ((next & TASK_QUEUED) != 0 && (now & TASK_QUEUED) == 0)
        run_push_tasklet(&task->common, run_owner_worker(run_word_owner(next)),
                         run_word_bits(next));
}

void *task_ctx(struct task *task)
{
    return tasklet_ctx(&task->common);
}

void task_set_ctx(struct task *task, void *ctx)
{
    tasklet_set_ctx(&task->common, ctx);
}

void task_set_flags(struct task *task, uint32_t bits)
{
    tasklet_set_flags(&task->common, bits);
}

void task_clear_flags(struct task *task, uint32_t bits)
{
    tasklet_clear_flags(&task->common, bits);
}

int task_owner(struct task *task)
{
    return tasklet_owner(&task->common);
}

struct tasklet *tasklet_new_on(struct rt *rt, int owner, tasklet_process_fn process, void *ctx)
{
    struct tasklet *tasklet = pool_take(&rt->tasklet_pool);

    if (tasklet == NULL)
        return NULL;
    init_common(tasklet, rt, TASK_F_TASKLET, owner, ctx);
    tasklet->process.tasklet = process;
    HOOK_NAME(tasklet, "tasklet", "tasklet");
    return tasklet;
}

/* The mistake of C40: the owner asks and answers in two steps, so another waker may win as well. */
static uint64_t elect_in_two_steps(struct tasklet *tasklet, uint32_t bits)
{
    uint64_t was = atom_load(&tasklet->word);

    if ((was & TASK_QUEUED) == 0)
        atom_fetch_or(&tasklet->word, bits, memory_order_acq_rel);
    return was;
}

/* The mistake of C36: "is it queued?" is read off the link, which is clear before QUEUED is. */
static uint64_t elect_by_link(struct tasklet *tasklet, uint32_t bits)
{
    uint64_t was = atom_fetch_or(&tasklet->word, bits, memory_order_acq_rel);

    return list_is_linked(&tasklet->link) ? was | TASK_QUEUED : was & ~(uint64_t)TASK_QUEUED;
}

static void wake(struct tasklet *tasklet, uint32_t why, int worker)
{
    uint64_t was;

    if (PLANT(C40) && worker == worker_id())
        was = elect_in_two_steps(tasklet, why | TASK_QUEUED);
    else if (PLANT(C36))
        was = elect_by_link(tasklet, why | TASK_QUEUED);
    else
        /* pair: task.wake. Also when it is queued already. */
        was = atom_fetch_or(&tasklet->word, why | TASK_QUEUED, memory_order_acq_rel);
    if ((was & TASK_QUEUED) == 0)
        run_push_tasklet(tasklet, worker, run_word_bits(was));
}

/* A tasklet's owner is the same for life. */
static int bound_to(struct tasklet *tasklet)
{
    return run_word_owner(atom_peek(&tasklet->word));
}

void tasklet_wakeup(struct tasklet *tasklet)
{
    tasklet_wakeup_why(tasklet, 0);
}

void tasklet_wakeup_why(struct tasklet *tasklet, uint32_t why)
{
    int owner = bound_to(tasklet);

    wake(tasklet, why, owner == TASK_ANY ? worker_id() : owner);
}

void tasklet_wakeup_on(struct tasklet *tasklet, int worker)
{
    int owner = bound_to(tasklet);

    BUG_ON(owner != TASK_ANY && owner != worker);
    wake(tasklet, 0, worker);
}

void tasklet_free(struct tasklet *tasklet)
{
    struct worker *home = home_of(tasklet);
    uint64_t next, now;

    tasklet_set_ctx(tasklet, NULL);
    now = atom_peek(&tasklet->word);
    do {
        BUG_ON(now & TASK_KILLED);
        next = now | TASK_KILLED;
        /* From inside process(), which returns NULL: nobody else will drop RUNNING. */
        if (home->current == tasklet)
            next &= ~(uint64_t)TASK_RUNNING;
        /* pair: task.wake. A waker that came before has queued it: then it is freed when picked. */
    } while (!atom_cas(&tasklet->word, &now, next, memory_order_acq_rel));
    if ((now & TASK_QUEUED) == 0)
        run_free(tasklet);
}

void tasklet_kill(struct tasklet *tasklet)
{
    int owner = bound_to(tasklet);
    /* pair: task.wake. */
    uint64_t was = atom_fetch_or(&tasklet->word, TASK_KILLED | TASK_QUEUED, memory_order_acq_rel);

    BUG_ON(was & TASK_KILLED); /* one killer */
    if ((was & TASK_QUEUED) == 0)
        run_push_tasklet(tasklet, owner == TASK_ANY ? worker_id() : owner, run_word_bits(was));
}

void *tasklet_ctx(struct tasklet *tasklet)
{
    return atom_load_acquire(&tasklet->ctx); /* pair: tasklet.ctx */
}

void tasklet_set_ctx(struct tasklet *tasklet, void *ctx)
{
    /* pair: tasklet.ctx. Release: who finds its object gone must find it entirely gone. */
    atom_store_release(&tasklet->ctx, ctx);
}

void tasklet_set_flags(struct tasklet *tasklet, uint32_t bits)
{
    BUG_ON(bits & ~(uint32_t)TASK_APPLICATION);
    /* pair: task.wake. A run that sees the flag sees what it announces. */
    atom_fetch_or(&tasklet->word, bits, memory_order_acq_rel);
}

void tasklet_clear_flags(struct tasklet *tasklet, uint32_t bits)
{
    BUG_ON(bits & ~(uint32_t)TASK_APPLICATION);
    /* pair: task.wake. */
    atom_fetch_and(&tasklet->word, ~(uint64_t)bits, memory_order_acq_rel);
}

bool tasklet_has_flags(struct tasklet *tasklet, uint32_t bits)
{
    /* pair: task.wake. */
    return (atom_load_acquire(&tasklet->word) & bits) == bits;
}

int tasklet_owner(struct tasklet *tasklet)
{
    return run_word_owner(atom_load(&tasklet->word));
}
