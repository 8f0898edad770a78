/*
 * sim/world/node.c - see node.h.
 *
 * The node's main thread is worker 0 of the core, as in the native server: it builds the proxy from
 * the configuration, runs it until it has stopped, and frees it. What the process still holds when
 * main returns is a leak.
 */
#include "sim/world/node.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/proxy/proxy.h"
#include "core/rt/rt.h"
#include "core/rt/worker.h"
#include "sim/actor/verbs.h"
#include "sim/memory/heap.h"
#include "sim/posix/exit.h"
#include "sim/posix/signal.h"
#include "sim/posix/thread.h"
#include "sim/world/program.h"

enum { FIRST_FD = 3, EXIT_CANNOT_START = 1 };

/* A program that waits longer than this without listening will not begin to. */
#define COMING_UP_NS UINT64_C(10000000000)

/* On the node's main thread: the core, from start to end. */
static int node_main(void *arg)
{
    struct node *node = arg;
    struct proxy_error error;
    struct proxy *proxy;

    if (node->program.arg_count != 0)
        return foreign_main(&node->program);
    worker_adopt(NULL); /* a run that was cut short leaves the borrowed thread's storage behind */
    if (node->exercise.exercise != NULL)
        return exercise_main(&node->exercise);
    proxy_hold_signals();
    if (proxy_new(node->config, &proxy, &error) != 0)
        return EXIT_CANNOT_START;
    node->proxy = proxy;
    int status = proxy_run(proxy);
    node->proxy = NULL;
    proxy_free(proxy);
    return status;
}

/* The last driver of an exercise is done. */
static void exercise_over(void *context)
{
    struct node *node = context;

    node->env->actors_busy--;
}

static void check_leaks(const struct node *node)
{
    char open[192];

    if (process_describe_open(node->process, FIRST_FD, open, sizeof(open)) != 0)
        finding_fail(FINDING_LEAK, NULL, "leak: %s", open);
    if (heap_leaks(node->process, open, sizeof(open)) != 0)
        finding_fail(FINDING_LEAK, NULL, "leak: %s", open);
}

/* The process has ended: its threads are gone, its descriptors are not closed yet. */
static void on_end(struct process *process, int exit_status, int term_signo)
{
    struct node *node = process->world;

    node->exit_status = exit_status;
    node->proxy = NULL;
    node->state = NODE_GONE;
    if (node->is_killed)
        return;
    if (node->program.arg_count != 0) {
        foreign_check_end(process, exit_status, term_signo, node->signo_sent,
                          node->is_leak_checked);
        return;
    }
    if (term_signo != 0)
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s was ended by signal %d",
                     node->plan->name, term_signo);
    if (exit_status != 0 && !node->env->is_disturbed)
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s ended with status %d",
                     node->plan->name, exit_status);
    if (node->is_leak_checked)
        check_leaks(node);
}

void node_start(struct node *node)
{
    const bool is_program = node->program.arg_count != 0;
    struct process *process = process_new(node->plan->name, node->host, !is_program);

    process->world = node;
    process->strict_fds = !is_program;
    node->process = process;
    node->is_killed = false;
    node->signo_sent = 0;
    node->state = NODE_STARTING;
    posix_process_of(process)->ended = on_end;
    if (is_program) { /* its threads are called as when it runs by itself */
        foreign_process_prepare(process);
        node->main = posix_process_start(process, "main", node_main, node);
        return;
    }
    posix_process_name_threads(process, node->thread_prefix, 1);
    char name[VTHREAD_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "%s0", node->thread_prefix);
    node->exercise.process = process;
    node->main = posix_process_start(process, name, node_main, node);
}

struct node *node_new(const struct scenario_actor *plan, struct actor_env *env, struct host *host,
                      const struct config *config, const struct exercise_plan *exercise,
                      bool is_alone, bool is_leak_checked)
{
    struct node *node = arena_take(sched_arena(), sizeof(*node));

    node->plan = plan;
    node->env = env;
    node->config = config;
    node->is_leak_checked = is_leak_checked;
    /* One node: its workers are w0, w1; several: p.w0, q.w0. */
    node->thread_prefix = is_alone ? "w" : arena_printf(sched_arena(), "%.10s.w", plan->name);
    node->host = host;
    for (size_t i = 0; i < config->listens_count; i++)
        actor_host_address(node->host, &config->listens[i].addr);
    if (exercise != NULL && exercise->exercise != NULL) {
        node->exercise = (struct exercise_run){
            .exercise = exercise->exercise,
            .workers = config->workers,
            .rounds = (uint32_t)draw_from(&exercise->rounds),
            .objects = (uint32_t)draw_from(&exercise->objects),
            .is_locked = exercise->is_locked,
            .over = exercise_over,
            .context = node,
        };
        env->actors_busy++;
    }
    node_start(node);
    return node;
}

struct node *node_new_program(const struct scenario_actor *plan, struct actor_env *env,
                              struct host *host, const struct scenario_value *line,
                              bool is_leak_checked)
{
    struct node *node = arena_take(sched_arena(), sizeof(*node));

    node->plan = plan;
    node->env = env;
    node->is_leak_checked = is_leak_checked;
    node->host = host;
    node->thread_prefix = "t";
    program_draw(line, &node->program);
    node_start(node);
    return node;
}

static bool listens(const struct process *process)
{
    for (uint32_t fd = FIRST_FD; fd < process->fd_capacity; fd++) {
        const struct file *file = process->fds[fd].file;
        const enum file_kind kind = file == NULL ? FILE_DEVICE : file->ops->kind(file);
        if (kind == FILE_LISTENER || kind == FILE_UDP)
            return true;
    }
    return false;
}

bool node_is_up(const struct node *node, uint64_t next_due_ns)
{
    return node->program.arg_count == 0 || node->state == NODE_GONE || listens(node->process) ||
           next_due_ns == TIME_NEVER || next_due_ns - sched_now_ns() > COMING_UP_NS;
}

/* ---- scripts ---- */

void node_stop(struct node *node)
{
    node_signal(node, node->program.arg_count != 0 ? SIGTERM : SIGUSR1);
}

void node_signal(struct node *node, int signo)
{
    if (node->state == NODE_GONE)
        return;
    if (signo == SIGUSR1 || signo == SIGTERM || signo == SIGINT) {
        node->state = NODE_STOPPING;
        node->env->is_stopping = true;
        node->signo_sent = signo;
    }
    /* A hard stop breaks off whatever is under way, answers too. */
    if (signo == SIGINT || (signo == SIGTERM && node->program.arg_count == 0))
        node->env->breaks++;
    (void)sim_signal_send(node->process, signo);
}

void node_kill(struct node *node)
{
    if (node->state == NODE_GONE)
        return;
    node->is_killed = true;
    node->env->is_stopping = true;
    node->env->is_disturbed = true;
    (void)sim_signal_send(node->process, SIGKILL);
}

static void restart(struct node *node)
{
    if (node->state != NODE_GONE)
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s is to be started and runs",
                     node->plan->name);
    process_close_all(node->process);
    if (node->program.arg_count != 0)
        foreign_begin_again();
    node_start(node);
}

/* Into the trace hash: two runs that agree here agree on what the node holds. */
static void show(const struct node *node)
{
    if (node->proxy == NULL)
        return;
    const struct rt *rt = node->proxy->rt;
    sched_trace_value((uint64_t)atomic_load_explicit(&rt->jobs, memory_order_relaxed));
    sched_trace_value((uint64_t)atomic_load_explicit(&rt->fds.count, memory_order_relaxed));
}

static enum script_outcome perform(void *context, const struct scenario_event *event)
{
    struct node *node = context;

    if (event->form == FORM_SOFT_STOP)
        node_stop(node);
    else if (event->form == FORM_HARD_STOP)
        node_signal(node, node->program.arg_count != 0 ? SIGINT : SIGTERM);
    else if (event->form == FORM_SIGNAL)
        node_signal(node, SCENARIO_ARG(event, SIGNAL, NAME)->word);
    else if (event->form == FORM_KILL)
        node_kill(node);
    else if (event->form == FORM_START)
        restart(node);
    else if (event->form == FORM_PAUSE_LISTENERS)
        node_signal(node, SIGTTOU);
    else if (event->form == FORM_RESUME_LISTENERS)
        node_signal(node, SIGTTIN);
    else if (event->form == FORM_SHOW)
        show(node);
    return SCRIPT_DONE;
}

void node_begin(struct node *node)
{
    if (node->state == NODE_STARTING)
        node->state = NODE_RUNNING;
    if (node->plan->script.count == 0)
        return;
    node->lane = sched_lane_new(node->plan->name);
    script_begin(&node->script, node->env, &node->plan->script, node->lane, node->plan->name,
                 perform, node);
}

void node_check(struct node *node, bool is_quiet)
{
    const struct exercise_run *exercise = &node->exercise;

    if (node->proxy != NULL)
        proxy_check(node->proxy, is_quiet);
    if (exercise->rt != NULL && exercise->state != NULL) {
        if (is_quiet && exercise->exercise->check_quiet != NULL)
            exercise->exercise->check_quiet(exercise);
        rt_check(exercise->rt, is_quiet);
    }
    if (is_quiet && node->state == NODE_STARTING && node->program.arg_count != 0 &&
        node->lane != NULL && listens(node->process))
        node->state = NODE_RUNNING;
    if (is_quiet && node->state == NODE_STARTING && node->proxy != NULL && node->lane != NULL)
        node->state = NODE_RUNNING; /* started again by its script */
}
