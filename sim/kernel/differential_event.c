/*
 * sim/kernel/differential_event.c - closing, options and epoll on both sides.
 */
#include "sim/kernel/differential.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/kernel/kernel.h"

/* ---- closing, options, the rest ---- */

void diff_op_shutdown(void)
{
    int at = diff_pick_slot(diff_draw(3) == 0 ? NONE : TCP);
    int how = (int)diff_draw(16) == 0 ? 7 : (int)diff_draw(3);
    int64_t result[SIDES];

    if (at < 0 || diff.slots[at].kind == EPOLL)
        return;
    for (int s = 0; s < SIDES; s++)
        result[s] = diff_sides[s]->shutdown(diff.slots[at].fd[s], how);
    diff_note("%d shutdown(%d)", at, how);
    diff_agree(result, false);
}

void diff_op_close(void)
{
    int at = diff_pick_slot(NONE);
    int64_t result[SIDES];

    if (at < 0)
        return;
    for (int s = 0; s < SIDES; s++)
        result[s] = diff_sides[s]->close(diff.slots[at].fd[s]);
    diff.slots[at].kind = NONE;
    diff_note("%d close()", at);
    diff_agree(result, false);
}

void diff_op_dup(void)
{
    int at = diff_pick_slot(NONE);
    int copy = diff_free_slot();
    int over = diff_pick_slot(NONE);
    int64_t fd[SIDES];

    if (at < 0)
        return;
    if (diff_draw(3) != 0) {
        if (copy < 0)
            return;
        for (int s = 0; s < SIDES; s++)
            fd[s] = diff_sides[s]->dup(diff.slots[at].fd[s]);
        diff_note("%d dup -> %d", at, copy);
        if (diff_agree(fd, true) >= 0)
            diff_copy_slot(copy, at, fd);
        return;
    }
    for (int s = 0; s < SIDES; s++)
        fd[s] = diff_sides[s]->dup2(diff.slots[at].fd[s], diff.slots[over].fd[s]);
    diff_note("%d dup2 -> %d", at, over);
    if (diff_agree(fd, true) < 0)
        return;
    diff_copy_slot(over, at, fd);
}

void diff_op_setsockopt(void)
{
    static const struct {
        int level;
        int name;
        int values[3];
    } options[] = {
        {SOL_SOCKET, SO_REUSEADDR, {0, 1, 7}},
        {SOL_SOCKET, SO_REUSEPORT, {0, 1, 1}},
        {SOL_SOCKET, SO_KEEPALIVE, {0, 1, 2}},
        {SOL_SOCKET, SO_RCVLOWAT, {1, 100, 0}},
        {SOL_SOCKET, SO_TYPE, {1, 1, 1}},
        {IPPROTO_TCP, TCP_NODELAY, {1, 1, 9}},
        {IPPROTO_TCP, TCP_KEEPIDLE, {1, 9, -3}},
        {IPPROTO_TCP, TCP_DEFER_ACCEPT, {0, 0, 0}},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, {0, 9000, -1}},
        {IPPROTO_TCP, TCP_SYNCNT, {1, 6, 200}},
        {IPPROTO_TCP, 9999, {1, 1, 1}},
        {IPPROTO_IP, IP_TOS, {0, 0x10, 0x1d}},
        {IPPROTO_IP, IP_PKTINFO, {1, 1, 0}},
        {IPPROTO_IP, IP_RECVTOS, {1, 0, 1}},
        {IPPROTO_IP, IP_FREEBIND, {0, 1, 0}},
        {IPPROTO_IPV6, IPV6_V6ONLY, {0, 1, 1}},
        {IPPROTO_IPV6, IPV6_RECVPKTINFO, {1, 1, 0}},
        {IPPROTO_IPV6, IPV6_RECVTCLASS, {1, 0, 1}},
        {SOL_SOCKET, SO_OOBINLINE, {0, 1, 2}},
        {SOL_SOCKET, SO_SNDBUF, {1, 9000, 100000}},
        {SOL_SOCKET, SO_RCVBUF, {9000, 50000, 1 << 30}},
    };
    uint32_t which = diff_draw(sizeof(options) / sizeof(options[0]));
    int at = diff_pick_slot(diff_draw(2) == 0 ? UDP : TCP);
    int value = options[which].values[diff_draw(3)];
    socklen_t bytes = diff_draw(10) == 0 ? 2 : sizeof(value);
    int64_t result[SIDES];

    /* Small buffers hold other amounts: only UDP sockets, which are never filled, get them. */
    if (at < 0 || (options[which].level == SOL_SOCKET && diff.slots[at].kind == TCP &&
                   (options[which].name == SO_SNDBUF || options[which].name == SO_RCVBUF)))
        return;
    if (diff.slots[at].kind == UDP && options[which].name == SO_RCVBUF && value < 50000)
        return;
    for (int s = 0; s < SIDES; s++)
        result[s] = diff_sides[s]->setsockopt(diff.slots[at].fd[s], options[which].level,
                                              options[which].name, &value, bytes);
    diff_note("%d setsockopt(%d, %d, %d)", at, options[which].level, options[which].name, value);
    diff_agree(result, false);
    int got[SIDES] = {0};
    for (int s = 0; s < SIDES; s++) {
        socklen_t got_bytes = sizeof(got[s]);
        result[s] = diff_sides[s]->getsockopt(diff.slots[at].fd[s], options[which].level,
                                              options[which].name, &got[s], &got_bytes);
    }
    diff_note("    getsockopt -> %d", got[0]);
    if (diff_agree(result, false) == 0 && got[0] != got[1] &&
        !(options[which].level == SOL_SOCKET &&
          (options[which].name == SO_SNDBUF || options[which].name == SO_RCVBUF)))
        diff_differ("option is %d, simulated %d", got[0], got[1]);
}

void diff_op_linger(void)
{
    int at = diff_pick_slot(TCP);
    struct linger linger = {.l_onoff = diff_draw(4) != 0, .l_linger = 0};
    int64_t result[SIDES];

    if (at < 0)
        return;
    for (int s = 0; s < SIDES; s++)
        result[s] = diff_sides[s]->setsockopt(diff.slots[at].fd[s], SOL_SOCKET, SO_LINGER, &linger,
                                              sizeof(linger));
    diff_note("%d linger(%d)", at, linger.l_onoff);
    diff_agree(result, false);
}

void diff_op_getsockopt(void)
{
    static const int names[] = {SO_ERROR, SO_ERROR, SO_TYPE, SO_ACCEPTCONN, SO_DOMAIN, SO_PROTOCOL};
    int at = diff_pick_slot(NONE);
    int name = names[diff_draw(6)];
    int value[SIDES] = {0};
    int64_t result[SIDES];

    if (at < 0)
        return;
    for (int s = 0; s < SIDES; s++) {
        socklen_t bytes = sizeof(value[s]);
        result[s] =
            diff_sides[s]->getsockopt(diff.slots[at].fd[s], SOL_SOCKET, name, &value[s], &bytes);
    }
    diff_note("%d getsockopt(%d) -> %d", at, name, value[0]);
    if (diff_agree(result, false) == 0 && value[0] != value[1])
        diff_differ("value %d, simulated %d", value[0], value[1]);
}

void diff_op_readable(void)
{
    int at = diff_pick_slot(NONE);
    int64_t result[SIDES];

    if (at < 0 || diff.slots[at].kind == EVENT || diff.slots[at].kind == EPOLL)
        return;
    for (int s = 0; s < SIDES; s++)
        result[s] = diff_sides[s]->readable(diff.slots[at].fd[s]);
    diff_note("%d FIONREAD", at);
    diff_agree(result, false);
}

/* ---- epoll ---- */

void diff_op_epoll_ctl(void)
{
    static const int ops[] = {EPOLL_CTL_ADD,
                              EPOLL_CTL_ADD,
                              EPOLL_CTL_ADD,
                              EPOLL_CTL_MOD,
                              EPOLL_CTL_MOD,
                              EPOLL_CTL_DEL,
                              77};
    static const uint32_t flags[] = {
        0, 0, EPOLLET, EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT, EPOLLEXCLUSIVE};
    static const uint32_t masks[] = {EPOLLIN,
                                     EPOLLOUT,
                                     EPOLLIN | EPOLLOUT,
                                     EPOLLIN | EPOLLOUT | EPOLLRDHUP,
                                     EPOLLRDHUP,
                                     0,
                                     EPOLLIN | EPOLLRDNORM | EPOLLPRI};
    int epoll = diff_pick_slot(diff_draw(20) == 0 ? NONE : EPOLL);
    int at = diff_pick_slot(NONE);
    int op = ops[diff_draw(diff_draw(5) == 0 ? 7 : 6)];
    struct epoll_event event = {
        .events = masks[diff_draw(7)] | flags[diff_draw(7)],
        .data.u64 = (uint64_t)at | (uint64_t)diff_draw(1000) << 8,
    };
    int64_t result[SIDES];

    if (epoll < 0 || at < 0)
        return;
    for (int s = 0; s < SIDES; s++)
        result[s] =
            diff_sides[s]->epoll_ctl(diff.slots[epoll].fd[s], op, diff.slots[at].fd[s], &event);
    diff_note("%d epoll_ctl(%d, slot %d, %#x)", epoll, op, at, event.events);
    diff_agree(result, false);
}

static bool are_ends(int a, int b)
{
    const struct slot *x = &diff.slots[a];
    const struct slot *y = &diff.slots[b];

    return a != b && ((x->connection != 0 && x->connection == y->connection) ||
                      x->listener == b + 1 || y->listener == a + 1);
}

/* The same events, and only those of one connection's two ends may have changed places. */
static bool is_reordered(const struct epoll_event *a, const struct epoll_event *b, int64_t count)
{
    bool has_both_ends = false;

    for (int64_t i = 0; i < count; i++) {
        bool is_found = false;
        for (int64_t j = 0; j < count; j++) {
            is_found = is_found || (a[i].events == b[j].events && a[i].data.u64 == b[j].data.u64);
            has_both_ends =
                has_both_ends || are_ends((int)(a[i].data.u64 & 0xff), (int)(a[j].data.u64 & 0xff));
        }
        if (!is_found)
            return false;
    }
    return has_both_ends;
}

void diff_op_epoll_wait(void)
{
    int at = diff_pick_slot(EPOLL);
    int events_max = diff_draw(4) == 0 ? (int)diff_draw(3) + 1 : 16;
    struct epoll_event events[SIDES][16];
    int64_t result[SIDES];

    if (at < 0)
        return;
    memset(events, 0, sizeof(events));
    for (int s = 0; s < SIDES; s++)
        result[s] = diff_sides[s]->epoll_wait(diff.slots[at].fd[s], events[s], events_max);
    diff_note("%d epoll_wait(%d)", at, events_max);
    if (diff_agree(result, false) == result[1] && is_reordered(events[0], events[1], result[0]))
        return;
    for (int64_t i = 0; i < result[0] || i < result[1]; i++) {
        const struct epoll_event *a = &events[0][i];
        const struct epoll_event *b = &events[1][i];
        diff_note("    slot %d %#x\n", (int)(a->data.u64 & 0xff), a->events);
        if (a->events != b->events || a->data.u64 != b->data.u64)
            diff_differ("event %lld: slot %d %#x, simulated slot %d %#x", (long long)i,
                        (int)(a->data.u64 & 0xff), a->events, (int)(b->data.u64 & 0xff), b->events);
    }
}
