/*
 * core/net/addr.h - an IPv4 or IPv6 address with a port, as text, as a value and as a sockaddr.
 *
 * Threads: any.
 */
#ifndef CORE_NET_ADDR_H
#define CORE_NET_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/attr.h"

enum { ADDR_TEXT_BYTES = 56 }; /* "[" + 45 + "]:" + 5 and the final NUL */

struct addr {
    uint16_t family; /* AF_INET or AF_INET6; 0 is no address */
    uint16_t port;
    uint8_t bytes[16]; /* network order; IPv4 uses the first four */
};

/* Reads "10.0.0.1:80" or "[::1]:80". The port is 1..65535. */
MUST_CHECK bool addr_parse(struct addr *addr, const char *text, size_t len);

/* Writes what addr_parse reads, NUL-terminated, and returns `out`. */
const char *addr_print(const struct addr *addr, char out[ADDR_TEXT_BYTES]);

bool addr_is_same(const struct addr *a, const struct addr *b);

/* Fills `out` and returns the length to pass with it. */
socklen_t addr_to_socket(const struct addr *addr, struct sockaddr_storage *out);

/* False for a family that is neither IPv4 nor IPv6. */
MUST_CHECK bool addr_from_socket(struct addr *addr, const struct sockaddr_storage *from);

#endif
