/*
 * sim/kernel/udp.h - UDP sockets.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_UDP_H
#define SIM_KERNEL_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/port.h"
#include "sim/kernel/socket.h"

enum {
    UDP_PAYLOAD_BYTES_MAX = 65507,
    UDP_PAYLOAD_BYTES_MAX_V6 = 65487,
    UDP_OVERHEAD_BYTES = 256, /* what a datagram costs of SO_RCVBUF besides its bytes */
};

struct datagram {
    struct datagram *next;
    struct timer timer; /* while in flight */
    struct host *from;
    struct host *to;
    struct endpoint source;
    struct endpoint destination;
    uint8_t tos;
    bool is_refusal; /* on its way back: nobody was there (ICMP port unreachable) */
    uint32_t len_bytes;
    uint8_t bytes[];
};

struct udp_socket {
    struct socket socket;
    struct port_bind *bind;
    struct endpoint local;
    struct endpoint remote; /* when is_connected */
    struct datagram *in_head;
    struct datagram *in_tail;
    uint32_t in_bytes; /* of SO_RCVBUF */
    int error;
    uint8_t shutdown;
    bool is_connected;
    bool is_user_bound;
    bool is_address_bound;
};

struct socket *udp_socket_new(struct host *host, int family, int type, int protocol);
bool udp_has_port(const struct socket *socket);

#endif
