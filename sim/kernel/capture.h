/*
 * sim/kernel/capture.h - whoever wants to see what arrives over the simulated network.
 *
 * Owner: the command that replays; set between runs.  Threads: none; called on lanes.
 */
#ifndef SIM_KERNEL_CAPTURE_H
#define SIM_KERNEL_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/kernel/address.h"

/* TCP flags of a packet, as RFC 9293 section 3.1 numbers them. */
enum { CAPTURE_FIN = 1, CAPTURE_SYN = 2, CAPTURE_RST = 4, CAPTURE_PSH = 8, CAPTURE_ACK = 16 };

/* A segment or datagram as it reaches its destination. */
struct capture_packet {
    const struct endpoint *from;
    const struct endpoint *to;
    bool is_tcp;
    uint8_t flags;
    const void *bytes;
    size_t len_bytes;
};

/* NULL: nobody. Must not change the run. */
extern void (*kernel_capture)(const struct capture_packet *packet);

#endif
