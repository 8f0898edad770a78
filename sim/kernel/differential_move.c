/*
 * sim/kernel/differential_move.c - moving bytes on both sides; full buffers.
 */
#include "sim/kernel/differential.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/kernel/kernel.h"

/* ---- moving bytes ---- */

static void fill_data(uint8_t *data, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++)
        data[i] = (uint8_t)(diff.random >> 3) + (uint8_t)i;
}

void diff_op_send(void)
{
    static const int flags_drawn[] = {0, 0, 0, MSG_MORE, MSG_DONTWAIT, MSG_OOB};
    int at = diff_pick_slot(NONE);
    uint8_t data[DATA_BYTES_MAX];
    size_t len_bytes = diff_draw(6) == 0 ? 0 : diff_draw(DATA_BYTES_MAX);
    int flags = flags_drawn[diff_draw(diff_draw(4) == 0 ? 6 : 3)];
    bool is_write = diff_draw(3) == 0;
    int64_t result[SIDES];

    if (at < 0)
        return;
    fill_data(data, sizeof(data));
    if (diff.slots[at].kind == EVENT) {
        len_bytes = diff_draw(4) == 0 ? 4 : 8;
        memset(data, 0, 8);
        data[0] = (uint8_t)diff_draw(3);
        if (diff_draw(4) == 0)
            memset(data, 0xff, 8), data[0] = (uint8_t)(0xff - diff_draw(3));
    }
    if (diff.slots[at].kind == UNIX && flags == MSG_OOB)
        flags = 0; /* out-of-band data of AF_UNIX is not modelled */
    if (diff.slots[at].kind == TCP && flags == MSG_OOB)
        flags = 0; /* nor is that of TCP */
    if (flags == MSG_MORE && diff.slots[at].kind != UNIX)
        flags = 0; /* corking only delays */
    if (diff.slots[at].kind == UNIX && len_bytes == 0 && diff.slots[at].type == SOCK_STREAM)
        is_write = false;
    for (int s = 0; s < SIDES; s++) {
        struct iovec parts[2] = {
            {.iov_base = data, .iov_len = len_bytes / 3},
            {.iov_base = data + len_bytes / 3, .iov_len = len_bytes - len_bytes / 3},
        };
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        result[s] = is_write ? diff_sides[s]->write(diff.slots[at].fd[s], data, len_bytes)
                             : diff_sides[s]->sendmsg(diff.slots[at].fd[s], &message, flags);
    }
    diff_note("%d %s(%zu, %#x)", at, is_write ? "write" : "send", len_bytes, (unsigned)flags);
    diff_agree(result, false);
}

static void compare_data(const uint8_t *real, const uint8_t *simulated, int64_t len_bytes)
{
    for (int64_t i = 0; i < len_bytes; i++) {
        if (real[i] != simulated[i]) {
            diff_differ("byte %lld is %02x, simulated %02x", (long long)i, real[i], simulated[i]);
            return;
        }
    }
}

static void compare_control(const struct msghdr message[SIDES])
{
    if (message[0].msg_controllen != message[1].msg_controllen)
        diff_differ("%zu bytes of control messages, simulated %zu", message[0].msg_controllen,
                    message[1].msg_controllen);
    else if (message[0].msg_controllen != 0 &&
             memcmp(message[0].msg_control, message[1].msg_control, message[0].msg_controllen) != 0)
        diff_differ("other control messages");
    if (message[0].msg_flags != message[1].msg_flags)
        diff_differ("flags %#x, simulated %#x", (unsigned)message[0].msg_flags,
                    (unsigned)message[1].msg_flags);
}

void diff_op_recv(void)
{
    static const int flags_drawn[] = {
        0, 0, 0, MSG_PEEK, MSG_TRUNC, MSG_PEEK | MSG_TRUNC, MSG_WAITALL, MSG_ERRQUEUE};
    int at = diff_pick_slot(NONE);
    size_t len_bytes = diff_draw(6) == 0 ? diff_draw(3) : diff_draw(2 * DATA_BYTES_MAX);
    int flags = flags_drawn[diff_draw(diff_draw(2) == 0 ? 8 : 1)];
    bool is_read = diff_draw(3) == 0;
    static uint8_t data[SIDES][2 * DATA_BYTES_MAX];
    _Alignas(struct cmsghdr) char control[SIDES][256];
    size_t control_bytes = diff_draw(6) == 0 ? 20 : sizeof(control[0]);
    struct sockaddr_storage name[SIDES];
    struct msghdr message[SIDES];
    int64_t result[SIDES];

    if (at < 0)
        return;
    if (flags == MSG_ERRQUEUE && diff.slots[at].kind == UNIX)
        flags = 0;
    memset(data, 0, sizeof(data));
    memset(name, 0, sizeof(name));
    memset(control, 0, sizeof(control));
    for (int s = 0; s < SIDES; s++) {
        static struct iovec part[SIDES];
        part[s] = (struct iovec){.iov_base = data[s], .iov_len = len_bytes};
        message[s] = (struct msghdr){
            .msg_name = &name[s],
            .msg_namelen = sizeof(name[s]),
            .msg_iov = &part[s],
            .msg_iovlen = 1,
            .msg_control = control[s],
            .msg_controllen = control_bytes,
        };
        result[s] = is_read ? diff_sides[s]->read(diff.slots[at].fd[s], data[s], len_bytes)
                            : diff_sides[s]->recvmsg(diff.slots[at].fd[s], &message[s], flags);
    }
    diff_note("%d %s(%zu, %#x)", at, is_read ? "read" : "recv", len_bytes, (unsigned)flags);
    if (diff_agree(result, false) < 0 || result[1] < 0)
        return;
    compare_data(data[0], data[1], result[0] < (int64_t)len_bytes ? result[0] : (int64_t)len_bytes);
    if (is_read)
        return;
    compare_control(message);
    diff_compare_names(name, (socklen_t[]){message[0].msg_namelen, message[1].msg_namelen});
}

void diff_op_sendto(void)
{
    int at = diff_pick_slot(UDP);
    int to = diff_pick_slot(UDP);
    uint8_t data[DATA_BYTES_MAX];
    size_t len_bytes = diff_draw(DATA_BYTES_MAX);
    bool has_source = diff_draw(4) == 0;
    int64_t result[SIDES];

    if (at < 0 || to < 0 || (to != at && diff.slots[to].is_shared_port) || !diff_can_reach(at, to))
        return;
    fill_data(data, sizeof(data));
    for (int s = 0; s < SIDES; s++) {
        struct sockaddr_storage name;
        struct iovec part = {.iov_base = data, .iov_len = len_bytes};
        _Alignas(struct cmsghdr) char control[64] = {0};
        struct msghdr message = {
            .msg_name = &name,
            .msg_namelen = diff_reach(to, s, diff.slots[at].family, &name),
            .msg_iov = &part,
            .msg_iovlen = 1,
        };
        if (has_source && diff.slots[at].family == AF_INET) {
            struct in_pktinfo info = {.ipi_spec_dst = diff.home};
            struct cmsghdr *header = (struct cmsghdr *)control;
            header->cmsg_level = IPPROTO_IP;
            header->cmsg_type = IP_PKTINFO;
            header->cmsg_len = CMSG_LEN(sizeof(info));
            memcpy(CMSG_DATA(header), &info, sizeof(info));
            message.msg_control = control;
            message.msg_controllen = CMSG_SPACE(sizeof(info));
        }
        result[s] = diff_sides[s]->sendmsg(diff.slots[at].fd[s], &message, 0);
    }
    diff_note("%d sendto(%d, %zu%s)", at, to, len_bytes, has_source ? ", pktinfo" : "");
    diff_agree(result, false);
}

/* ---- filling and draining ---- */

/* Takes all that is there, on each side by itself, until as much has come as went in. */
void diff_drain_next(void)
{
    static uint8_t data[65536];
    bool is_done = true;

    for (int s = 0; s < SIDES; s++) {
        int64_t got;
        while ((got = diff_sides[s]->read(diff.slots[diff.next_b].fd[s], data, sizeof(data))) > 0)
            diff.moved[s] -= got;
        is_done = is_done && diff.moved[s] == 0;
    }
    if (++diff.rounds > FILL_ROUNDS_MAX) {
        diff_differ("%lld bytes, simulated %lld, do not arrive", (long long)diff.moved[0],
                    (long long)diff.moved[1]);
        is_done = true;
    }
    if (is_done)
        diff.next = NULL;
    else
        usleep(SETTLE_FILL_US);
}

/* Sends until nothing more goes in though the network has settled. */
void diff_fill_next(void)
{
    static const uint8_t data[16384];
    bool is_full = true;

    for (int s = 0; s < SIDES; s++) {
        int64_t put;
        for (;;) {
            put = diff_sides[s]->write(diff.slots[diff.next_a].fd[s], data, sizeof(data));
            if (put <= 0)
                break;
            diff.moved[s] += put;
            is_full = false;
        }
        if (put != -EAGAIN) {
            diff_differ("a fill ends with %lld on side %d", (long long)put, s);
            diff.next = NULL;
            return;
        }
    }
    if (!is_full) {
        usleep(SETTLE_FILL_US);
        return;
    }
    diff_note("    full\n");
    diff_compare_readiness();
    diff.rounds = 0;
    diff.next = diff_drain_next;
}

void diff_op_fill(void)
{
    int at = diff_pick_slot(TCP);
    int peer = at < 0 ? -1 : diff_peer_of(at);
    struct pollfd fd = {.events = POLL_ALL};

    if (peer < 0 || diff_is_same_file(at, peer))
        return;
    /* A connection open both ways, nothing on its way. */
    fd.fd = diff.slots[at].fd[0];
    real_side.poll(&fd, 1);
    if ((fd.revents & (POLLOUT | POLLHUP | POLLERR | POLLRDHUP)) != POLLOUT)
        return;
    fd.fd = diff.slots[peer].fd[0];
    real_side.poll(&fd, 1);
    if ((fd.revents & (POLLOUT | POLLHUP | POLLERR | POLLRDHUP | POLLIN)) != POLLOUT ||
        real_side.readable(diff.slots[peer].fd[0]) != 0)
        return;
    for (int s = 0; s < SIDES; s++) {
        int small = 30000;
        diff_sides[s]->setsockopt(diff.slots[at].fd[s], SOL_SOCKET, SO_SNDBUF, &small,
                                  sizeof(small));
        diff.moved[s] = 0;
    }
    diff_note("%d fill, %d drains\n", at, peer);
    diff.next = diff_fill_next;
    diff.next_a = at;
    diff.next_b = peer;
}
