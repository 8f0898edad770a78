/*
 * sim/exercise/exercise.c - the frame of all exercises; see exercise.h.
 */
#include "sim/exercise/exercise.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/atomic.h"
#include "sim/choice/choice.h"
#include "sim/kernel/kernel.h"

enum { EXIT_CANNOT_START = 1, FD_MAX = 256, REST_NS_MIN = 1000, REST_NS_SPAN = 100000 };

static const struct exercise *const all[] = {
#define EXERCISE(symbol, name, about) &exercise_##symbol,
#include "sim/exercise/exercises.def"
#undef EXERCISE
};

const struct exercise *exercise_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    }
    return NULL;
}

const struct exercise *exercise_at(size_t index)
{
    return index < ARRAY_LEN(all) ? all[index] : NULL;
}

void exercise_part_begin(struct exercise_run *run)
{
    rt_job_begin(run->rt);
    atom_fetch_add(&run->parts_left, 1, memory_order_relaxed);
}

void exercise_part_end(struct exercise_run *run)
{
    /* Acquire and release: who ends the last part has all the others behind it. */
    if (atom_fetch_sub(&run->parts_left, 1, memory_order_acq_rel) == 1)
        run->over(run->context);
    rt_job_end(run->rt);
}

uint32_t exercise_draw(uint32_t n)
{
    return choice_draw_even(CHOICE_RANGE, n);
}

bool exercise_is_readable(const struct exercise_run *run, int fd)
{
    return (kernel_poll(run->process, fd) & EPOLLIN) != 0;
}

/* ---- drivers ---- */

struct driver {
    struct exercise_run *run;
    uint32_t round;
    void (*step)(struct exercise_run *run, int worker, uint32_t round);
};

static struct task *drive(struct task *task, void *ctx, uint32_t state)
{
    struct driver *driver = ctx;
    struct exercise_run *run = driver->run;

    (void)state;
    task_set_expire(task, TIME_NEVER);
    if (driver->round < run->rounds) {
        driver->step(run, worker_id(), driver->round++);
        /* At once, or after a rest in which all may come to be quiet and are looked at. */
        if (exercise_draw(3) != 0)
            task_wakeup(task, TASK_WOKEN_OTHER);
        else
            task_set_expire(task, worker_now_ns() + REST_NS_MIN + exercise_draw(REST_NS_SPAN));
        return task;
    }
    free(driver);
    task_destroy(task);
    exercise_part_end(run);
    return NULL;
}

void exercise_drive(struct exercise_run *run,
                    void (*step)(struct exercise_run *run, int worker, uint32_t round))
{
    for (unsigned i = 0; i < run->workers; i++) {
        struct driver *driver = malloc(sizeof(*driver));
        BUG_ON(driver == NULL);
        *driver = (struct driver){.run = run, .step = step};
        struct task *task = task_new_on(run->rt, (int)i, drive, driver);
        BUG_ON(task == NULL);
        exercise_part_begin(run);
        task_wakeup(task, TASK_WOKEN_INIT);
    }
}

/* ---- the program ---- */

static void on_signal_handler(int signo)
{
    struct worker *self = worker_self();

    if (self != NULL)
        rt_signal(self->rt, signo);
}

static void on_signal(void *ctx, struct rt *rt, int signo)
{
    (void)ctx;
    if (signo == SIGTERM)
        rt_stop_hard(rt);
    else
        rt_stop_soft(rt);
}

static void set_signals(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(how, &set, NULL);
}

/* Signals are worker 0's: blocked while the others are made, open on it. */
static void on_worker_start(void *ctx, struct worker *worker)
{
    (void)ctx;
    if (worker->id == 0)
        set_signals(SIG_UNBLOCK);
}

int exercise_main(struct exercise_run *run)
{
    struct rt_config config = {
        .workers = run->workers,
        .fd_max = FD_MAX,
        .callbacks = {.ctx = run, .worker_start = on_worker_start, .signal = on_signal},
    };
    struct sigaction action = {.sa_handler = on_signal_handler};

    if (rt_new(&config, &run->rt) != 0)
        return EXIT_CANNOT_START;
    set_signals(SIG_BLOCK);
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    rt_enter(run->rt);
    run->exercise->begin(run);
    rt_leave(run->rt);
    int status = rt_run(run->rt) == 0 ? 0 : EXIT_CANNOT_START;
    rt_enter(run->rt);
    run->exercise->end(run);
    rt_leave(run->rt);
    struct rt *rt = run->rt;
    run->rt = NULL;
    rt_free(rt);
    return status;
}
