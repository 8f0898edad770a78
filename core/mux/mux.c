#include "core/mux/mux.h"

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/net/conn.h"
#include "core/plant/plant.h"
#include "core/rt/rt.h"
#include "core/server/server.h"

/* Idle as far as its server and its session know, in a list or not. Its owner, when no thief can
 * find it. */
static bool is_parked(const struct mux *mux)
{
    return mux->idle.counted > IDLE_COUNTED_USED;
}

/*
 * Coming upon a mux that may have been stolen
 */

/* The mux of a tasklet that had F_USR1 when it was picked; NULL: stolen. No thief finds it
 * afterwards. */
static struct mux *enter(struct tasklet *tasklet)
{
    struct idle_worker *worker = idle_lock_own(tasklet->rt);
    struct mux *mux = tasklet_ctx(tasklet);

    /* False also in the to-remove queue: there it stays, unless run() ends it. */
    if (mux != NULL && !idle_take_idle_locked(&mux->idle))
        MARK("mux.idle.in_no_list");
    idle_unlock(worker);
    return mux;
}

/* After run(): back where it was, if it was idle and is fit for being stolen. One that waits for a
 * buffer stays out: it comes here again when it has got it. False: it is destroyed. */
static bool leave(struct mux *mux)
{
    if (!is_parked(mux) || !mux->ops->is_clean(mux))
        return true;
    if (!conn_has(mux->conn, CONN_READ_END | CONN_FAILED)) {
        conn_wait_recv(mux->conn);
        if (idle_back(&mux->idle))
            return true;
    }
    mux->ops->destroy(mux);
    return false;
}

static struct tasklet *process(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    struct mux *mux = ctx;

    if ((state & TASK_F_USR1) == 0)
        return mux->ops->run(mux) ? tasklet : NULL;
    mux = enter(tasklet);
    if (mux == NULL) {
        MARK("mux.stolen.tasklet");
        tasklet_free(tasklet);
        return NULL;
    }
    return mux->ops->run(mux) && leave(mux) ? tasklet : NULL;
}

/* As enter(), if the date has come: otherwise it stays where it is, and NULL too. */
static struct mux *enter_late(struct task *task)
{
    struct idle_worker *worker = idle_lock_own(task->common.rt);
    struct mux *mux = task_ctx(task);

    if (mux == NULL)
        MARK("mux.stolen.task"); /* and killed: who stole it did that */
    else if (task_expire(task) > worker_now_ns())
        mux = NULL;
    else if (!idle_take_idle_locked(&mux->idle))
        MARK("mux.idle.late_in_no_list");
    idle_unlock(worker);
    return mux;
}

static struct task *late(struct task *task, void *ctx, uint32_t state)
{
    struct mux *mux = ctx;

    if ((state & TASK_F_USR1) != 0) {
        mux = enter_late(task);
        if (mux == NULL)
            return task;
    } else if (task_expire(task) > worker_now_ns()) {
        return task;
    }
    if (is_parked(mux)) {
        mux->ops->destroy(mux);
        return NULL;
    }
    task_set_expire(task, TIME_NEVER);
    return mux->ops->late(mux) ? task : NULL;
}

/*
 * The peer of an idle connection has gone, says a report: it ends at once. Called from inside the
 * fd's handler, so no thief can have it; but one may find it in its list and begin to look at it
 * while it is being freed, so it leaves the list first.
 */
static bool hang_up(struct tasklet *tasklet)
{
    struct mux *mux;

    if (!tasklet_has_flags(tasklet, TASK_F_USR1))
        return false;
    if (PLANT(K03)) {
        /* Stays where it is. */
        mux = tasklet_ctx(tasklet);
    } else {
        mux = enter(tasklet);
    }
    BUG_ON(mux == NULL);
    if (!is_parked(mux))
        return false;
    MARK("mux.idle.hang_up");
    mux->ops->destroy(mux);
    return true;
}

/*
 * Beginning and end
 */

static void set_stealable(struct mux *mux)
{
    tasklet_set_flags(mux->tasklet, TASK_F_USR1);
    task_set_flags(mux->task, TASK_F_USR1);
}

static void set_kept(struct mux *mux)
{
    tasklet_clear_flags(mux->tasklet, TASK_F_USR1);
    task_clear_flags(mux->task, TASK_F_USR1);
}

int mux_init(struct mux *mux, const struct mux_ops *ops, struct mux_env *env, enum mux_kind kind,
             struct conn *conn, bool is_front)
{
    struct rt *rt = env->rt;
    int result = -ERR_MEMORY;

    struct tasklet *tasklet = tasklet_new_on(rt, worker_id(), process, mux);
    struct task *task = task_new_on(rt, worker_id(), late, mux);
    if (tasklet == NULL || task == NULL)
        goto free_both;
    if (!conn_has(conn, CONN_ATTACHED)) {
        result = conn_attach(conn, tasklet);
        if (result != 0)
            goto free_both;
    }
    conn->waiter = tasklet;
    mux->ops = ops;
    mux->env = env;
    mux->kind = kind;
    mux->is_front = is_front;
    mux->is_stopping = false;
    mux->conn = conn;
    mux->tasklet = tasklet;
    mux->task = task;
    HOOK_NAME(mux, "mux", ops->name);
    return 0;

free_both:
    if (task != NULL)
        task_destroy(task);
    if (tasklet != NULL)
        tasklet_free(tasklet);
    return result;
}

static int take_over_idle(struct idle_conn *conn, int from)
{
    return mux_takeover(mux_of_idle(conn), from);
}

static void destroy_idle(struct idle_conn *conn)
{
    struct mux *mux = mux_of_idle(conn);

    mux->ops->destroy(mux);
}

static unsigned room_of_idle(const struct idle_conn *conn)
{
    const struct mux *mux = CONTAINER_OF(conn, const struct mux, idle);

    return mux->ops->room(mux);
}

static const struct idle_ops idle_ops = {
    .takeover = take_over_idle,
    .destroy = destroy_idle,
    .room = room_of_idle,
};

int mux_init_back(struct mux *mux, const struct mux_ops *ops, struct mux_env *env,
                  enum mux_kind kind, struct conn *conn, struct server *server)
{
    if (!server_conn_begin(server, &mux->idle, &idle_ops))
        return -ERR_CLOSED;
    int result = mux_init(mux, ops, env, kind, conn, false);
    if (result != 0)
        idle_forget(&mux->idle);
    else
        conn->hang_up = hang_up;
    return result;
}

void mux_fini(struct mux *mux)
{
    if (mux->tasklet != NULL)
        tasklet_free(mux->tasklet);
    if (mux->task != NULL)
        task_destroy(mux->task);
    if (mux->is_front)
        return;
    conn_free(mux->conn);
    idle_forget(&mux->idle);
}

/*
 * Idle, and in use again
 */

bool mux_idle(struct mux *mux, bool is_safe)
{
    struct conn *conn = mux->conn;

    BUG_ON(!mux->ops->is_clean(mux));
    if (conn_has(conn, CONN_READ_END | CONN_WRITE_END | CONN_FAILED))
        goto destroy;
    mux_arm(mux, mux->env->timeouts.idle_ns);
    if (!PLANT(K07b))
        set_stealable(mux);
    conn_lend(conn, &mux->env->rt->idle_set->workers[worker_id()].lock);
    if (!PLANT(K07a))
        conn_wait_recv(conn);
    if (idle_put(&mux->idle, is_safe)) {
        /* It may be another worker's by now. Right code touches nothing any more. */
        if (PLANT(K07b))
            set_stealable(mux);
        if (PLANT(K07a))
            conn_wait_recv(conn);
        return true;
    }

destroy:
    mux->ops->destroy(mux);
    return false;
}

void mux_offer(struct mux *mux)
{
    if (mux->ops->room(mux) > 0)
        idle_put_avail(&mux->idle);
    else
        idle_take_out(&mux->idle);
}

/* It came out of an idle list for a stream that could not be attached: only then F_USR1 is set. */
static void put_back(struct mux *mux)
{
    if (!tasklet_has_flags(mux->tasklet, TASK_F_USR1))
        return;
    MARK("mux.attach_failed");
    if (mux->ops->is_clean(mux))
        (void)mux_idle(mux, false);
    else
        mux->ops->destroy(mux);
}

int mux_attach(struct mux *mux, struct stream *stream)
{
    stream->mux = mux;
    int result = mux->ops->attach(mux, stream);
    if (result != 0) {
        stream->mux = NULL;
        put_back(mux);
        return result;
    }
    set_kept(mux);
    conn_keep(mux->conn);
    /* One that has one stream at a time has nothing to offer. */
    if (mux->kind != MUX_H1_BACK)
        mux_offer(mux);
    return 0;
}

void mux_arm(struct mux *mux, uint64_t delay_ns)
{
    task_set_expire(mux->task, delay_ns == 0 ? TIME_NEVER : worker_now_ns() + delay_ns);
    task_queue(mux->task);
}

/*
 * Stealing
 */

/* The old ones end by themselves, on the worker that runs them. */
static void orphan(struct mux *mux, int from)
{
    struct tasklet *tasklet = mux->tasklet;
    struct task *task = mux->task;

    task_set_ctx(task, NULL);
    task_kill(task);
    tasklet_set_ctx(tasklet, NULL);
    if (PLANT(K05a))
        tasklet_wakeup_on(tasklet, worker_id());
    else
        tasklet_wakeup_on(tasklet, from);
}

static bool is_late_alloc(const struct mux *mux)
{
    switch (mux->kind) {
    case MUX_H1_BACK:
        return PLANT(K06a);
    case MUX_H2:
        return PLANT(K06b);
    case MUX_FCGI:
        return PLANT(K06c);
    case MUX_H1_FRONT:
        break;
    }
    return false;
}

/* The mistake of K06: the connection has moved and the old tasklet is gone when memory turns out to
 * be missing, so the mux is ended: here, under the lock of another worker. */
static int take_over_then_allocate(struct mux *mux, int from)
{
    struct rt *rt = mux->env->rt;

    int result = conn_takeover(mux->conn, mux->tasklet, from);
    if (result != 0)
        return result;
    orphan(mux, from);
    mux->task = task_new_on(rt, worker_id(), late, mux);
    mux->tasklet = tasklet_new_on(rt, worker_id(), process, mux);
    if (mux->task == NULL || mux->tasklet == NULL) {
        mux->ops->destroy(mux);
        return -ERR_MEMORY;
    }
    mux->conn->waiter = mux->tasklet;
    set_stealable(mux);
    return 0;
}

int mux_takeover(struct mux *mux, int from)
{
    struct rt *rt = mux->env->rt;
    int result = -ERR_MEMORY;

    BUG_ON(mux->idle.worker != from);
    if (is_late_alloc(mux))
        return take_over_then_allocate(mux, from);
    struct task *task = task_new_on(rt, worker_id(), late, mux);
    struct tasklet *tasklet = tasklet_new_on(rt, worker_id(), process, mux);
    if (task == NULL || tasklet == NULL)
        goto free_both;
    result = conn_takeover(mux->conn, tasklet, from);
    if (result != 0)
        goto free_both;
    /* From here on nothing can fail. */
    orphan(mux, from);
    mux->task = task;
    mux->tasklet = tasklet;
    set_stealable(mux); /* until a stream is attached */
    atom_fetch_add(&mux->env->takeovers, 1, memory_order_relaxed);
    return 0;

free_both:
    if (tasklet != NULL)
        tasklet_free(tasklet);
    if (task != NULL)
        task_destroy(task);
    return result;
}

/*
 * Checks
 */

static bool peek_is_stealable(const struct tasklet *tasklet)
{
    return (atomic_load_explicit(&tasklet->word, memory_order_relaxed) & TASK_F_USR1) != 0;
}

static int peek_owner(const struct tasklet *tasklet)
{
    return (int32_t)(atomic_load_explicit(&tasklet->word, memory_order_relaxed) >> 32);
}

static void check_quiet_back(const struct mux *mux)
{
    const struct fd_entry *entry = &mux->env->rt->fds.entries[mux->conn->fd];
    int worker = mux->idle.worker;

    /* C5 */
    BUG_ON(peek_owner(mux->tasklet) != worker);
    BUG_ON(peek_owner(&mux->task->common) != worker);
    BUG_ON(mux->conn->waiter != mux->tasklet);
    BUG_ON(atomic_load_explicit(&entry->thread_mask, memory_order_relaxed) != UINT64_C(1)
                                                                                  << worker);
    BUG_ON(mux->idle.counted == IDLE_COUNTED_NOT);
    /* An idle one is told when its server closes. */
    BUG_ON(is_parked(mux) && mux->ops->is_clean(mux) && !conn_has(mux->conn, CONN_WAIT_RECV));
}

void mux_check(const struct mux *mux, bool is_quiet)
{
    enum idle_place place = mux->idle.place;

    /* C3: set before it can be found. */
    if (!mux->is_front && (place == IDLE_IN_IDLE || place == IDLE_IN_SAFE)) {
        BUG_ON(!peek_is_stealable(mux->tasklet));
        BUG_ON(!peek_is_stealable(&mux->task->common));
    }
    if (is_quiet && mux->env->rt->is_running) {
        conn_check(mux->conn);
        if (!mux->is_front)
            check_quiet_back(mux);
    }
    mux->ops->check(mux, is_quiet);
}
