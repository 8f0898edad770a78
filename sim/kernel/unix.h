/*
 * sim/kernel/unix.h - pairs of connected AF_UNIX sockets: stream, datagram, sequenced packets.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_UNIX_H
#define SIM_KERNEL_UNIX_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/link.h"
#include "sim/kernel/socket.h"

enum { UNIX_OVERHEAD_BYTES = 576, UNIX_MESSAGE_BYTES_MAX = 32768 };

struct unix_socket {
    struct socket socket;
    struct unix_socket *peer; /* NULL when that end was closed, or there never was one */
    struct stream_segment *in_head;
    struct stream_segment *in_tail;
    uint32_t in_bytes;
    uint32_t sent_bytes; /* of ours in the peer's queue, overhead included */
    int error;
    uint8_t shutdown;
    bool is_connected; /* a datagram socket learns late that its peer has gone */
};

struct socket *unix_socket_new(struct host *host, int type, int protocol);
void unix_pair(struct socket *a, struct socket *b);

#endif
