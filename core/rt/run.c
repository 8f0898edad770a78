#include "core/rt/run.h"

#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/rt/timer.h"
#include "core/rt/worker.h"

/* pair: task.wake. See task.c. */

/* Shares of a loop turn: urgent, normal, bulk, heavy. */
static const unsigned class_weights[TASK_CLASSES] = {64, 60, 4, 1};

static int compare_run(const struct task *a, const struct task *b)
{
    if (a->rq_key != b->rq_key)
        return a->rq_key < b->rq_key ? -1 : 1;
    return a->rq_seq < b->rq_seq ? -1 : a->rq_seq > b->rq_seq;
}

TREE_GENERATE_STATIC(run_tree, task, rq_node, compare_run)

static struct task *task_of(struct tasklet *common)
{
    return CONTAINER_OF(common, struct task, common);
}

/* Late tasks are put up to 1023 places back, soon ones up to 1024 ahead. */
static void insert_own(struct worker *worker, struct task *task)
{
    task->rq_seq = worker->run_clock++;
    task->rq_key = task->rq_seq + (uint64_t)(int64_t)task->nice;
    BUG_ON(RB_INSERT(run_tree, &worker->run_queue, task) != NULL);
    worker->run_count++;
}

static void insert_class(struct worker *worker, struct tasklet *tasklet, enum task_class class)
{
    /* S1: in one queue only. */
    BUG_ON(list_is_linked(&tasklet->link));
    list_push_tail(&worker->classes[class], &tasklet->link);
    worker->class_counts[class]++;
}

static enum task_class class_of(struct worker *worker, struct tasklet *tasklet, uint32_t bits)
{
    if (bits & TASK_HEAVY)
        return TASK_CLASS_HEAVY;
    if ((bits & TASK_SELF_WAKING) || worker->current == tasklet)
        return TASK_CLASS_BULK;
    return worker->current == NULL ? TASK_CLASS_URGENT : TASK_CLASS_NORMAL;
}

void run_push_task(struct task *task, int worker)
{
    struct worker *self = worker_self();
    struct worker *target = worker_at(self->rt, worker);

    /* S1: who has just won QUEUED finds it in no queue. */
    BUG_ON(list_is_linked(&task->common.link));
    if (target == self) {
        insert_own(self, task);
        return;
    }
    lock_take(&target->shared_lock);
    list_push_tail(&target->shared, &task->common.link);
    /* Read without the lock, by the sleep protocol: worker_wake() releases it. */
    atom_fetch_add(&target->shared_count, 1, memory_order_relaxed);
    lock_give(&target->shared_lock);
    worker_wake(target);
}

void run_push_tasklet(struct tasklet *tasklet, int worker, uint32_t bits)
{
    struct worker *self = worker_self();
    struct worker *target = worker_at(self->rt, worker);

    if (target == self) {
        insert_class(self, tasklet, class_of(self, tasklet, bits));
        return;
    }
    BUG_ON(list_is_linked(&tasklet->link)); /* S1 */
    mpsc_push(&target->remote, &tasklet->link);
    worker_wake(target);
}

void run_disown(struct task *task)
{
    _Atomic uint64_t *word = &task->common.word;
    uint64_t now = atom_load(word);

    while ((now & (TASK_QUEUED | TASK_RUNNING)) == 0 && run_word_owner(now) < TASK_ANY) {
        /* pair: task.wake. */
        if (atom_cas(word, &now, run_word_make(run_word_bits(now), TASK_ANY), memory_order_acq_rel))
            return;
    }
}

void run_drop_running(struct task *task, bool may_disown)
{
    _Atomic uint64_t *word = &task->common.word;
    uint64_t next, now = atom_peek(word);

    BUG_ON((now & TASK_RUNNING) == 0);
    if (PLANT(K18) && (now & (TASK_WOKEN_ANY | TASK_KILLED)) == 0) {
        /* Asks first, drops later: who woke it in between saw RUNNING and queued nothing. */
        atom_fetch_and(word, ~(uint64_t)TASK_RUNNING, memory_order_acq_rel);
        if (may_disown && !task->is_timed)
            run_disown(task);
        return;
    }
    do {
        next = now & ~(uint64_t)TASK_RUNNING;
        if (now & (TASK_WOKEN_ANY | TASK_KILLED))
            next |= TASK_QUEUED;
        if ((next & TASK_QUEUED) == 0 && may_disown && !task->is_timed &&
            run_word_owner(now) < TASK_ANY)
            next = run_word_make(run_word_bits(next), TASK_ANY);
        /* pair: task.wake. */
    } while (!atom_cas(word, &now, next, memory_order_acq_rel));
    if ((next & TASK_QUEUED) != 0 && (now & TASK_QUEUED) == 0) {
        MARK("rt.task.woken_while_running");
        run_push_task(task, run_owner_worker(run_word_owner(next)));
    }
}

void run_free(struct tasklet *object)
{
    struct rt *rt = object->rt;

    /* S1: in no queue. */
    BUG_ON(list_is_linked(&object->link));
    if (atom_peek(&object->word) & TASK_F_TASKLET) /* for life */
        pool_give(&rt->tasklet_pool, object);
    else
        pool_give(&rt->task_pool, task_of(object));
}

/* What others queued for us: tasks into the run queue, tasklets (and killed tasks) into URGENT. */
static void collect(struct worker *worker)
{
    struct list tasks = LIST_INIT(tasks), remote = LIST_INIT(remote), *link;

    if (atom_load(&worker->shared_count) != 0) {
        lock_take(&worker->shared_lock);
        list_splice_tail(&tasks, &worker->shared);
        atom_store(&worker->shared_count, 0);
        lock_give(&worker->shared_lock);
    }
    while ((link = list_pop_head(&tasks)) != NULL)
        insert_own(worker, task_of(LIST_ENTRY(link, struct tasklet, link)));
    mpsc_take_all(&worker->remote, &remote);
    while ((link = list_pop_head(&remote)) != NULL) {
        struct tasklet *tasklet = LIST_ENTRY(link, struct tasklet, link);
        uint32_t bits = run_word_bits(atom_load(&tasklet->word));

        BUG_ON((bits & TASK_QUEUED) == 0); /* S1 */
        insert_class(worker, tasklet, bits & TASK_HEAVY ? TASK_CLASS_HEAVY : TASK_CLASS_URGENT);
    }
}

/* Tasks join the NORMAL class in the order of their keys, as many as may run this turn. */
static void move_tasks(struct worker *worker, unsigned count_max)
{
    struct task *task;

    while (worker->class_counts[TASK_CLASS_NORMAL] < count_max &&
           (task = RB_MIN(run_tree, &worker->run_queue)) != NULL) {
        uint32_t bits = run_word_bits(atom_load(&task->common.word));

        RB_REMOVE(run_tree, &worker->run_queue, task);
        worker->run_count--;
        insert_class(worker, &task->common,
                     bits & TASK_HEAVY ? TASK_CLASS_HEAVY : TASK_CLASS_NORMAL);
    }
}

static void compute_budgets(struct worker *worker, unsigned budgets[TASK_CLASSES])
{
    unsigned depth = worker->rt->config.runqueue_depth, total = 0;

    for (int i = 0; i < TASK_CLASSES; i++) {
        bool is_empty = worker->class_counts[i] == 0;

        if (i == TASK_CLASS_NORMAL)
            is_empty = is_empty && worker->run_count == 0;
        if (!is_empty)
            total += class_weights[i];
    }
    if (total == 0)
        total = 1;
    for (int i = 0; i < TASK_CLASSES; i++)
        budgets[i] = (depth * class_weights[i] + total - 1) / total;
    budgets[TASK_CLASS_HEAVY] = 1;
}

static struct tasklet *pop(struct worker *worker, enum task_class class)
{
    struct list *link = list_pop_head(&worker->classes[class]);

    BUG_ON(link == NULL || worker->class_counts[class] == 0);
    worker->class_counts[class]--;
    return LIST_ENTRY(link, struct tasklet, link);
}

/* QUEUED becomes RUNNING, the WOKEN and event bits are consumed; returns the bits before. */
static uint32_t begin_running(struct tasklet *object)
{
    _Atomic uint64_t *word = &object->word;
    uint64_t next, now;

    if (PLANT(C38)) {
        /* Dequeued first, RUNNING later: in between a killer takes it for an idle object. */
        atom_fetch_and(word, ~(uint64_t)TASK_QUEUED, memory_order_acq_rel);
    }
    now = atom_peek(word);
    do {
        /* A free tasklet may run elsewhere; a free task may be held by who schedules it. */
        while (now & TASK_RUNNING) {
            cpu_relax();
            now = atom_load(word);
        }
        BUG_ON((now & TASK_QUEUED) == 0 && !PLANT(C38)); /* S1 */
        next = run_word_make((run_word_bits(now) & TASK_PERSISTENT) | TASK_RUNNING,
                             run_word_owner(now));
        if (PLANT(C23)) {
            /* What others set since the load is lost. */
            atom_store_release(word, next);
            break;
        }
        /* pair: task.wake. */
    } while (!atom_cas(word, &now, next, memory_order_acq_rel));
    return run_word_bits(now);
}

static void run_task(struct worker *worker, struct task *task, void *ctx, uint32_t bits)
{
    struct task *ret;

    if ((bits & TASK_WOKEN_ANY) != TASK_WOKEN_WQ) {
        worker->current = &task->common;
        ret = task->common.process.task(task, ctx, bits);
        worker->current = NULL;
        if (ret == NULL)
            return;
        BUG_ON(ret != task);
    }
    /* pair: task.wake. A killer that came while it ran left it to us; one that comes later finds it
     * still RUNNING, and the drop below sees the bit. */
    if (atom_load_acquire(&task->common.word) & TASK_KILLED) {
        timers_remove(&worker->timers, task);
        run_free(&task->common);
        return;
    }
    task_queue(task);
    run_drop_running(task, true);
}

static void run_tasklet(struct worker *worker, struct tasklet *tasklet, void *ctx, uint32_t bits)
{
    struct tasklet *ret;

    worker->current = tasklet;
    ret = tasklet->process.tasklet(tasklet, ctx, bits);
    worker->current = NULL;
    if (ret == NULL)
        return;
    BUG_ON(ret != tasklet);
    /* pair: task.wake. Woken meanwhile, it is queued already. */
    atom_fetch_and(&tasklet->word, ~(uint64_t)TASK_RUNNING, memory_order_acq_rel);
}

static void run_one(struct worker *worker, struct tasklet *object)
{
    /* Before it is dequeued: later its owner may change, and with it who may take its ctx away. */
    void *ctx = tasklet_ctx(object);
    uint32_t bits = begin_running(object);

    isolate_check_working(worker);
    if (bits & TASK_KILLED) {
        if ((bits & TASK_F_TASKLET) == 0)
            timers_remove(&worker->timers, task_of(object));
        run_free(object);
        return;
    }
    if (bits & TASK_F_TASKLET)
        run_tasklet(worker, object, ctx, bits);
    else
        run_task(worker, task_of(object), ctx, bits);
}

/* Has it run this turn already? A free tasklet runs anywhere: its turns are not ours. */
static bool is_again(struct worker *worker, struct tasklet *object)
{
    /* Nobody takes what we have queued from us. */
    if (run_word_owner(atom_peek(&object->word)) == TASK_ANY)
        return false;
    if (object->turn_last == worker->turn)
        return true;
    object->turn_last = worker->turn;
    return false;
}

static void put_back(struct worker *worker)
{
    struct list *link;

    while ((link = list_pop_head(&worker->again)) != NULL) {
        worker->again_count--;
        insert_class(worker, LIST_ENTRY(link, struct tasklet, link), TASK_CLASS_BULK);
    }
}

void run_tasks(struct worker *worker)
{
    unsigned budgets[TASK_CLASSES];
    int class = 0;

    collect(worker);
    if (atom_peek(&worker->load) != worker->run_count) /* nobody else writes it */
        atom_store(&worker->load, worker->run_count);
    compute_budgets(worker, budgets);
    move_tasks(worker, budgets[TASK_CLASS_NORMAL]);
    while (class < TASK_CLASSES) {
        struct tasklet *object;

        if (budgets[class] == 0 || worker->class_counts[class] == 0) {
            class ++;
            continue;
        }
        budgets[class]--;
        object = pop(worker, class);
        if (is_again(worker, object)) {
            list_push_tail(&worker->again, &object->link);
            worker->again_count++;
            continue;
        }
        run_one(worker, object);
        class = 0; /* it may have woken something more urgent */
    }
    put_back(worker);
}

static bool has_own_work(const struct worker *worker)
{
    for (int i = 0; i < TASK_CLASSES; i++) {
        if (worker->class_counts[i] != 0)
            return true;
    }
    return worker->run_count != 0;
}

bool run_has_work(struct worker *worker)
{
    return has_own_work(worker) || atom_load(&worker->shared_count) != 0 ||
           !mpsc_is_empty(&worker->remote);
}

bool run_knows_work(const struct worker *worker)
{
    return has_own_work(worker) || atom_peek(&worker->shared_count) != 0 ||
           !mpsc_peek_is_empty(&worker->remote);
}

static void unqueue(struct worker *worker, struct tasklet *object)
{
    uint32_t bits = run_word_bits(atom_peek(&object->word));

    if (bits & TASK_KILLED) {
        if ((bits & TASK_F_TASKLET) == 0)
            timers_remove(&worker->timers, task_of(object));
        run_free(object);
    } else {
        atom_fetch_and(&object->word, ~(uint64_t)TASK_QUEUED, memory_order_relaxed);
    }
}

void run_drain(struct worker *worker)
{
    collect(worker);
    put_back(worker);
    move_tasks(worker, UINT32_MAX);
    for (int i = 0; i < TASK_CLASSES; i++) {
        while (worker->class_counts[i] != 0)
            unqueue(worker, pop(worker, i));
    }
}

/*
 * Checks, from outside the workers: relaxed loads without scheduling points.
 */

static uint32_t peek_bits(const struct tasklet *object)
{
    return run_word_bits(atomic_load_explicit(&object->word, memory_order_relaxed));
}

/* No object may be left half way when every worker sleeps. */
static void check_quiet_object(const struct tasklet *object)
{
    uint32_t bits = peek_bits(object);

    /* S1: QUEUED and in a queue are one; the queues are empty. */
    BUG_ON(bits & TASK_QUEUED);
    /* S2: nobody runs, so nobody holds RUNNING. */
    BUG_ON(bits & TASK_RUNNING);
    /* S3: a WOKEN bit that nobody will look at is a lost wake-up. */
    BUG_ON(bits & TASK_WOKEN_ANY);
    /* S4: a killed object has been freed. */
    BUG_ON(bits & TASK_KILLED);
}

static void check_quiet_task(const struct task *task)
{
    int owner = run_word_owner(atomic_load_explicit(&task->common.word, memory_order_relaxed));

    check_quiet_object(&task->common);
    /* S6: a task that is filed has an owner, in whose timers it is. */
    BUG_ON(task->is_timed && owner == TASK_ANY);
    /* S7: a free task that waits for a date is filed under it, or an earlier one. */
    BUG_ON(owner < TASK_ANY && !task->is_timed);
}

static void check_quiet(const struct rt *rt)
{
    const void *object;

    for (unsigned i = 0; i < rt->config.workers; i++) {
        const struct worker *worker = &rt->workers[i];

        /* S5 and S8: who sleeps has nothing queued, and its counters say so. */
        BUG_ON(run_knows_work(worker) || worker->again_count != 0);
        BUG_ON(!RB_EMPTY(&worker->run_queue));
        BUG_ON(worker->current != NULL);
    }
    for (object = pool_live_next(&rt->task_pool, NULL); object != NULL;
         object = pool_live_next(&rt->task_pool, object))
        check_quiet_task(object);
    for (object = pool_live_next(&rt->tasklet_pool, NULL); object != NULL;
         object = pool_live_next(&rt->tasklet_pool, object))
        check_quiet_object(object);
}

void run_check(const struct rt *rt, bool is_quiet)
{
    for (unsigned i = 0; i < rt->config.workers; i++) {
        const struct worker *worker = &rt->workers[i];

        /* S2: one object, one worker. */
        for (unsigned j = 0; worker->current != NULL && j < i; j++)
            BUG_ON(rt->workers[j].current == worker->current);
    }
    if (is_quiet && rt->is_running)
        check_quiet(rt);
}
