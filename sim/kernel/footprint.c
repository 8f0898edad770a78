/*
 * sim/kernel/footprint.c - see footprint.h.
 */
#include "sim/kernel/footprint.h"

#include <string.h>

#include "sim/kernel/epoll.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/link.h"
#include "sim/kernel/pipe.h"
#include "sim/kernel/process.h"
#include "sim/kernel/socket.h"
#include "sim/kernel/tcp.h"
#include "sim/kernel/timerfd.h"
#include "sim/kernel/unix.h"
#include "sim/sched/dependence.h"

/* Stands for all tables of descriptors: the lowest free number is one object. */
static const char descriptors;

/* The file, and the sets that hear of it; sets in sets are too much to follow. */
static void add_file(struct action *action, const struct file *file)
{
    if (file == NULL)
        return;
    action_add(action, file, TOUCH_WRITE);
    for (const struct epoll_item *item = file->epoll_items; item != NULL; item = item->file_next) {
        action_add(action, item->epoll, TOUCH_WRITE);
        if (item->epoll->file.epoll_items != NULL)
            action->scope = SCOPE_KERNEL;
    }
}

static void add_tcp(struct action *action, const struct tcp *tcp)
{
    if (tcp->socket == NULL || tcp->wire.link == NULL || tcp->listener != NULL) {
        action->scope = SCOPE_KERNEL; /* a connection that is being made, or nobody's any more */
        return;
    }
    add_file(action, &tcp->socket->socket.file);
    /* Segments of all that goes there come out in the order in which they went in. */
    action_add(action, host_lane(tcp->wire.link->to), TOUCH_WRITE);
}

static void add_with_other_end(struct action *action, struct file *file)
{
    switch (file->ops->kind(file)) {
    case FILE_PIPE: {
        const struct pipe *pipe = file_sync(file, true);
        add_file(action, pipe->reader);
        add_file(action, pipe->writer);
        action_add(action, pipe, TOUCH_WRITE);
        break;
    }
    case FILE_PAIR: {
        struct unix_socket *other = file_sync(file, true);
        add_file(action, file);
        add_file(action, &other->socket.file);
        break;
    }
    case FILE_CONNECTION:
        add_tcp(action, tcp_of(socket_of(file)));
        break;
    case FILE_LISTENER:
    case FILE_EVENTFD:
    case FILE_TIMERFD:
    case FILE_EPOLL:
        add_file(action, file);
        break;
    case FILE_SOCKET:
    case FILE_UDP:
    case FILE_DEVICE:
    case FILE_REGULAR:
    case FILE_FOLDER:
    case FILE_KIND_COUNT:
        action->scope = SCOPE_KERNEL;
        break;
    }
}

/* What a call is about, by its name. */
enum reach { REACH_FILE, REACH_DESCRIPTORS, REACH_BOTH, REACH_KERNEL };

static enum reach reach_of(enum kernel_call call)
{
    switch ((int)call) {
    case CALL_epoll_pwait:
    case CALL_epoll_pwait2:
    case CALL_epoll_wait:
    case CALL_eventfd_read:
    case CALL_eventfd_write:
    case CALL_getpeername:
    case CALL_getsockname:
    case CALL_read:
    case CALL_readv:
    case CALL_recv:
    case CALL_recvfrom:
    case CALL_recvmsg:
    case CALL_send:
    case CALL_sendmsg:
    case CALL_sendto:
    case CALL_shutdown:
    case CALL_timerfd_gettime:
    case CALL_write:
    case CALL_writev:
        return REACH_FILE;
    case CALL_epoll_create:
    case CALL_epoll_create1:
    case CALL_eventfd:
    case CALL_pipe:
    case CALL_pipe2:
    case CALL_socket:
    case CALL_socketpair:
    case CALL_timerfd_create:
        return REACH_DESCRIPTORS;
    case CALL_accept:
    case CALL_accept4:
        return REACH_BOTH;
    default:
        return REACH_KERNEL;
    }
}

static bool has_planned_faults(void)
{
    for (const struct process *process = process_first(); process != NULL; process = process->next)
        if (process->faults != NULL)
            return true;
    return false;
}

/* Labels are static words, and a program has few: each is looked up once. */
static enum kernel_call call_of(const char *label)
{
    enum { SLOTS = 256 };
    static struct {
        const char *label;
        enum kernel_call call;
    } known[SLOTS];
    const size_t slot = ((uintptr_t)label >> 2) % SLOTS;

    if (known[slot].label != label) {
        known[slot].call = kernel_call_by_word(label, strlen(label));
        known[slot].label = label;
    }
    return known[slot].call;
}

/* Somebody may have closed it since the call was announced. */
static bool is_open(const struct file *file)
{
    for (const struct process *process = kernel->processes; process != NULL;
         process = process->next)
        if (process_has_file(process, file))
            return true;
    return false;
}

static void touch_call(const struct op *op, struct action *action)
{
    const enum kernel_call call = call_of(op->label);
    const enum reach reach = reach_of(call);

    /* The nth call of a name is whichever comes nth. */
    if (kernel == NULL || reach == REACH_KERNEL || has_planned_faults()) {
        action->scope = SCOPE_KERNEL;
        return;
    }
    if (reach != REACH_FILE)
        action_add(action, &descriptors, TOUCH_WRITE);
    if (reach == REACH_DESCRIPTORS)
        return;
    if (is_open(op->object))
        add_with_other_end(action, (struct file *)(uintptr_t)op->object);
    else
        action->scope = SCOPE_KERNEL;
}

/* Data that arrives at a connection in use. Whatever else a lane does touches the kernel. */
static bool touch_timer(const struct timer *timer, struct action *action)
{
    const struct file *timerfd = timerfd_of_timer(timer);
    const struct stream_wire *wire = stream_wire_of_timer(timer);

    if (timerfd != NULL) {
        add_file(action, timerfd);
        return true;
    }
    if (wire == NULL || wire->head == NULL)
        return false;
    const struct tcp *sender =
        (const struct tcp *)((const char *)wire - __builtin_offsetof(struct tcp, wire));
    const struct tcp *receiver = sender->peer;
    if (!tcp_is_data(wire->head) || receiver == NULL || receiver->state != TCP_ESTABLISHED ||
        sender->state != TCP_ESTABLISHED || wire->link->spec.is_cut)
        return false;
    add_tcp(action, receiver);
    add_tcp(action, sender);
    return true;
}

void footprint_install(void)
{
    action_kernel_touches = touch_call;
    action_timer_touches = touch_timer;
}
