#include "core/rt/timer.h"

#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/rt/run.h"
#include "core/rt/task.h"
#include "core/rt/worker.h"

enum { HAND_OVER_PROBES = 3 };

static int compare_timer(const struct task *a, const struct task *b)
{
    if (a->timer_due_ns != b->timer_due_ns)
        return a->timer_due_ns < b->timer_due_ns ? -1 : 1;
    return a->timer_seq < b->timer_seq ? -1 : a->timer_seq > b->timer_seq;
}

TREE_GENERATE_STATIC(timer_tree, task, timer_node, compare_timer)

void timers_init(struct timers *timers)
{
    RB_INIT(&timers->tree);
    timers->seq_next = 0;
    timers->count = 0;
}

void timers_insert(struct timers *timers, struct task *task)
{
    uint64_t due_ns = task_expire(task);

    /* S7: a task without a date would sit in the tree for ever. */
    BUG_ON(due_ns == TIME_NEVER);
    timers_remove(timers, task);
    task->timer_due_ns = due_ns;
    task->timer_seq = timers->seq_next++;
    BUG_ON(RB_INSERT(timer_tree, &timers->tree, task) != NULL);
    task->is_timed = true;
    timers->count++;
}

void timers_remove(struct timers *timers, struct task *task)
{
    if (!task->is_timed)
        return;
    RB_REMOVE(timer_tree, &timers->tree, task);
    task->is_timed = false;
    BUG_ON(timers->count == 0);
    timers->count--;
}

uint64_t timers_next_ns(struct timers *timers)
{
    struct task *task = RB_MIN(timer_tree, &timers->tree);

    return task == NULL ? TIME_NEVER : task->timer_due_ns;
}

/* A worker whose run queue was less than half as long as ours in its last turn, or NULL. */
static struct worker *find_idler(struct worker *worker)
{
    struct rt *rt = worker->rt;

    if (rt->config.workers < 2 || worker->run_count < rt->config.runqueue_depth ||
        rt_is_stopping(rt))
        return NULL;
    for (int i = 0; i < HAND_OVER_PROBES; i++) {
        struct worker *other = worker_at(rt, (int)worker_random_below(worker, rt->config.workers));

        if (other != worker && atom_load(&other->load) * 2 < worker->run_count)
            return other;
    }
    return NULL;
}

/* Gives an expired free task, which is filed no more but still ours, to a worker with less to do.
 * False when somebody woke or held it first: it is then queued here. */
static bool hand_over(struct task *task, struct worker *to)
{
    uint64_t now = atom_load(&task->common.word);
    uint64_t next;

    if (now & (TASK_RUNNING | TASK_QUEUED))
        return false;
    next = run_word_make(run_word_bits(now) | TASK_QUEUED | TASK_WOKEN_TIMER,
                         run_owner_for_now(to->id));
    /* pair: task.wake. */
    if (!atom_cas(&task->common.word, &now, next, memory_order_acq_rel))
        return false;
    MARK("rt.timer.hand_over");
    run_push_task(task, to->id);
    return true;
}

static void wake_expired(struct worker *worker, struct task *task)
{
    bool is_free = task_owner(task) < TASK_ANY;
    struct worker *idler;

    timers_remove(&worker->timers, task);
    if (PLANT(K19) && is_free) {
        /* Ownership is given back before the task is woken: it may run elsewhere and free itself.
         */
        run_disown(task);
    } else if (is_free) {
        idler = find_idler(worker);
        if (idler != NULL && hand_over(task, idler))
            return;
    }
    /* Still ours: whoever else wakes it queues it here, so it cannot be gone. */
    task_wakeup(task, TASK_WOKEN_TIMER);
}

void timers_wake_expired(struct worker *worker)
{
    struct task *task;
    uint64_t expire_ns;

    while ((task = RB_MIN(timer_tree, &worker->timers.tree)) != NULL) {
        if (task->timer_due_ns > worker->now_ns)
            break;
        expire_ns = task_expire(task);
        if (expire_ns == TIME_NEVER) {
            timers_remove(&worker->timers, task);
            run_disown(task);
        } else if (expire_ns > worker->now_ns) {
            /* Its date moved later since it was filed. */
            timers_insert(&worker->timers, task);
        } else {
            wake_expired(worker, task);
        }
    }
}

void timers_check(const struct worker *worker)
{
    struct task *task, *before = NULL;
    struct timer_tree tree = worker->timers.tree;
    unsigned count = 0;

    RB_FOREACH(task, timer_tree, &tree)
    {
        uint64_t word = atomic_load_explicit(&task->common.word, memory_order_relaxed);

        /* S6: only our own tasks. */
        BUG_ON(run_owner_worker(run_word_owner(word)) != worker->id);
        BUG_ON(!task->is_timed);
        /* S7: with a date. */
        BUG_ON(task->timer_due_ns == TIME_NEVER);
        BUG_ON(before != NULL && compare_timer(before, task) >= 0);
        before = task;
        count++;
    }
    /* S8 */
    BUG_ON(count != worker->timers.count);
}
