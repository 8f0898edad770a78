/*
 * sim/kernel/differential_open.c - opening, binding, connecting, accepting on both sides.
 */
#include "sim/kernel/differential.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/kernel/kernel.h"

/* ---- opening ---- */

static void send_at_once(int at)
{
    int on = 1;

    for (int s = 0; s < SIDES; s++)
        diff_sides[s]->setsockopt(diff.slots[at].fd[s], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void diff_op_socket(void)
{
    static const int families[] = {AF_INET, AF_INET, AF_INET, AF_INET6};
    int family = families[diff_draw(diff.has_v6 ? 4 : 3)];
    int type = diff_draw(3) == 0 ? SOCK_DGRAM : SOCK_STREAM;
    int at = diff_free_slot();
    int64_t fd[SIDES];

    if (at < 0)
        return;
    for (int s = 0; s < SIDES; s++)
        fd[s] = diff_sides[s]->socket(family, type);
    diff_note("%d socket(%s, %s)", at, family == AF_INET ? "v4" : "v6",
              type == SOCK_STREAM ? "tcp" : "udp");
    if (diff_agree(fd, true) < 0)
        return;
    diff_set_slot(at, type == SOCK_STREAM ? TCP : UDP, family, type, fd);
    if (type == SOCK_STREAM)
        send_at_once(at);
}

static void open_two(const char *what, enum kind kind, int type,
                     int64_t (*open)(const struct side *, int, int[2]))
{
    int fds[SIDES][2];
    int64_t result[SIDES];
    int first = diff_free_slot();
    int second;

    if (first < 0)
        return;
    diff.slots[first].kind = kind;
    second = diff_free_slot();
    diff.slots[first].kind = NONE;
    if (second < 0)
        return;
    for (int s = 0; s < SIDES; s++)
        result[s] = open(diff_sides[s], type, fds[s]);
    diff_note("%d,%d %s(%d)", first, second, what, type);
    if (diff_agree(result, false) != 0)
        return;
    diff_set_slot(first, kind, 0, type, (int64_t[]){fds[0][0], fds[1][0]});
    diff_set_slot(second, kind, 1, type, (int64_t[]){fds[0][1], fds[1][1]});
}

static int64_t open_pair(const struct side *side, int type, int fds[2])
{
    return side->socketpair(type, fds);
}

static int64_t open_pipe(const struct side *side, int type, int fds[2])
{
    (void)type;
    return side->pipe(fds);
}

void diff_op_open_other(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int at = diff_free_slot();
    unsigned initial = diff_draw(3);
    int flags = diff_draw(2) == 0 ? 0 : 1; /* EFD_SEMAPHORE */
    int64_t fd[SIDES];

    switch (diff_draw(3)) {
    case 0:
        open_two("socketpair", UNIX, types[diff_draw(3)], open_pair);
        break;
    case 1:
        open_two("pipe", PIPE, 0, open_pipe);
        break;
    default:
        if (at < 0)
            return;
        for (int s = 0; s < SIDES; s++)
            fd[s] = diff_sides[s]->eventfd(initial, flags);
        diff_note("%d eventfd(%u, %d)", at, initial, flags);
        if (diff_agree(fd, true) >= 0)
            diff_set_slot(at, EVENT, 0, 0, fd);
        break;
    }
}

void diff_op_epoll_create(void)
{
    int at = diff_free_slot();
    int64_t fd[SIDES];

    if (at < 0)
        return;
    for (int s = 0; s < SIDES; s++)
        fd[s] = diff_sides[s]->epoll_create();
    diff_note("%d epoll_create()", at);
    if (diff_agree(fd, true) >= 0)
        diff_set_slot(at, EPOLL, 0, 0, fd);
}

/* ---- binding and connecting ---- */

void diff_op_bind(void)
{
    int at = diff_pick_slot(diff_draw(3) == 0 ? UDP : TCP);
    int other = diff_pick_slot(diff_draw(2) == 0 ? UDP : TCP);
    uint32_t way = diff_draw(8);
    int64_t result[SIDES];

    if (at < 0)
        return;
    /* Old connections of this machine may hold a port of ::1. */
    if (way == 0 && other >= 0 && diff.slots[at].family == AF_INET6 &&
        diff.slots[other].family != AF_INET6)
        return;
    for (int s = 0; s < SIDES; s++) {
        struct sockaddr_storage name;
        socklen_t bytes = diff_make_home(diff.slots[at].family, &name, 0);

        if (way == 0 && other >= 0) {
            struct sockaddr_storage theirs;
            diff_local_name(other, s, &theirs);
            *diff_port_of(&name) = *diff_port_of(&theirs);
        } else if (way == 1) {
            bytes = 4;
        } else if (way == 2 && diff.slots[at].family == AF_INET) {
            ((struct sockaddr_in *)&name)->sin_addr.s_addr = htonl(0x08080808);
        } else if (way == 3) {
            name.ss_family = AF_UNIX;
        } else if (way == 4) {
            if (diff.slots[at].family == AF_INET)
                ((struct sockaddr_in *)&name)->sin_addr.s_addr = 0;
            else
                ((struct sockaddr_in6 *)&name)->sin6_addr = in6addr_any;
        }
        result[s] = diff_sides[s]->bind(diff.slots[at].fd[s], (struct sockaddr *)&name, bytes);
    }
    diff_note("%d bind(way %u, %d)", at, way, other);
    if (way == 2)
        diff.slots[at].is_foreign = true;
    if (diff_agree(result, false) == 0 && way == 0 && other >= 0) {
        diff.slots[at].is_shared_port = true;
        diff.slots[other].is_shared_port = true;
    }
}

void diff_op_listen(void)
{
    static const int backlogs[] = {0, 1, 5, 5, 5, -1};
    int at = diff_pick_slot(TCP);
    int backlog = backlogs[diff_draw(6)];
    int64_t result[SIDES];

    if (at < 0)
        return;
    for (int s = 0; s < SIDES; s++)
        result[s] = diff_sides[s]->listen(diff.slots[at].fd[s], backlog);
    diff_note("%d listen(%d)", at, backlog);
    diff_agree(result, false);
}

void diff_op_connect(void)
{
    enum kind kind = diff_draw(3) == 0 ? UDP : TCP;
    int at = diff_pick_slot(kind);
    int to = diff_pick_slot(diff_draw(8) == 0 ? (kind == TCP ? UDP : TCP) : kind);
    uint32_t way = diff_draw(16);
    int64_t result[SIDES];

    if (at < 0 || to < 0 || (to != at && diff.slots[to].is_shared_port))
        return;
    if (!diff_can_reach(at, to))
        return;
    if (kind == TCP && diff_is_same_file(at, to)) /* a socket connected to itself is not modelled */
        return;
    for (int s = 0; s < SIDES; s++) {
        struct sockaddr_storage name;
        socklen_t bytes = diff_reach(to, s, diff.slots[at].family, &name);
        if (way == 0)
            name.ss_family = AF_UNSPEC;
        if (way != 0 && *diff_port_of(&name) == 0) /* nobody: any port that is closed */
            *diff_port_of(&name) = htons(1);
        result[s] = diff_sides[s]->connect(diff.slots[at].fd[s], (struct sockaddr *)&name, bytes);
    }
    diff_note("%d connect(%d%s)", at, to, way == 0 ? ", unspec" : "");
    if (diff_agree(result, false) == -EINPROGRESS)
        diff.slots[at].listener = to + 1;
}

static void set_accepted(int child, int listener, const int64_t fd[SIDES])
{
    int peer;

    diff_set_slot(child, TCP, diff.slots[listener].family, SOCK_STREAM, fd);
    peer = diff_peer_of(child);
    diff.slots[child].connection = ++diff.connections;
    if (peer >= 0)
        diff.slots[peer].connection = diff.connections;
}

void diff_op_accept(void)
{
    int at = diff_pick_slot(TCP);
    int child = diff_free_slot();
    struct sockaddr_storage name[SIDES];
    socklen_t bytes[SIDES];
    int64_t fd[SIDES];

    if (at < 0 || child < 0)
        return;
    memset(name, 0, sizeof(name));
    for (int s = 0; s < SIDES; s++) {
        bytes[s] = sizeof(name[s]);
        fd[s] = diff_sides[s]->accept(diff.slots[at].fd[s], (struct sockaddr *)&name[s], &bytes[s]);
    }
    diff_note("%d accept -> %d", at, child);
    if (diff_agree(fd, true) < 0)
        return;
    diff_compare_names(name, bytes);
    if (fd[1] >= 0)
        set_accepted(child, at, fd);
}

/* A connection in three steps, so that the random calls find some. */
static void accept_next(void)
{
    struct sockaddr_storage name[SIDES];
    socklen_t bytes[SIDES];
    int64_t fd[SIDES];
    int child = diff_free_slot();

    diff.next = NULL;
    if (child < 0)
        return;
    memset(name, 0, sizeof(name));
    for (int s = 0; s < SIDES; s++) {
        bytes[s] = sizeof(name[s]);
        fd[s] = diff_sides[s]->accept(diff.slots[diff.next_a].fd[s], (struct sockaddr *)&name[s],
                                      &bytes[s]);
    }
    diff_note("%d accept -> %d", diff.next_a, child);
    if (diff_agree(fd, true) < 0)
        return;
    diff_compare_names(name, bytes);
    set_accepted(child, diff.next_a, fd);
}

void diff_op_connection(void)
{
    int family = diff_draw(4) == 0 && diff.has_v6 ? AF_INET6 : AF_INET;
    int64_t fd[2][SIDES];
    int64_t result[SIDES];
    int at[2];

    for (int i = 0; i < 2; i++) {
        at[i] = diff_free_slot();
        if (at[i] < 0)
            return;
        for (int s = 0; s < SIDES; s++)
            fd[i][s] = diff_sides[s]->socket(family, SOCK_STREAM);
        diff_set_slot(at[i], TCP, family, SOCK_STREAM, fd[i]);
        send_at_once(at[i]);
    }
    for (int s = 0; s < SIDES; s++) {
        struct sockaddr_storage name;
        socklen_t bytes = diff_make_home(family, &name, 0);
        diff_sides[s]->bind((int)fd[0][s], (struct sockaddr *)&name, bytes);
        diff_sides[s]->listen((int)fd[0][s], 5);
        bytes = diff_reach(at[0], s, family, &name);
        result[s] = diff_sides[s]->connect((int)fd[1][s], (struct sockaddr *)&name, bytes);
    }
    diff_note("%d listens, %d connects", at[0], at[1]);
    diff_agree(result, false);
    diff.next = accept_next;
    diff.next_a = at[0];
}

void diff_op_name(void)
{
    int at = diff_pick_slot(diff_draw(2) == 0 ? UDP : TCP);
    int is_peer = (int)diff_draw(2);
    struct sockaddr_storage name[SIDES];
    socklen_t bytes[SIDES];
    int64_t result[SIDES];

    if (at < 0)
        return;
    memset(name, 0, sizeof(name));
    for (int s = 0; s < SIDES; s++) {
        bytes[s] = sizeof(name[s]);
        result[s] = diff_sides[s]->name(diff.slots[at].fd[s], is_peer, (struct sockaddr *)&name[s],
                                        &bytes[s]);
    }
    diff_note("%d %s", at, is_peer ? "getpeername" : "getsockname");
    if (diff_agree(result, false) == 0)
        diff_compare_names(name, bytes);
}
