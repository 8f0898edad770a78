/*
 * sim/kernel/address.h - internet addresses as the simulated kernel keeps them.
 *
 * An IPv4 address is kept as the IPv4-mapped IPv6 address, so that one comparison serves both
 * families and dual-stack sockets need no special case. The family is the socket's, not the
 * address's.
 *
 * Owner: plain values.  Threads: none.
 */
#ifndef SIM_KERNEL_ADDRESS_H
#define SIM_KERNEL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct ip {
    uint8_t bytes[16];
};

struct endpoint {
    struct ip ip;
    uint16_t port; /* host order; 0 is "none yet" */
};

enum { ENDPOINT_TEXT_BYTES = 64 };

/* Reads "10.0.0.1" or "fd00::1"; false when it is neither. */
bool ip_parse(const char *text, struct ip *ip);
struct ip ip_from_v4(uint32_t address_host_order);

bool ip_equal(const struct ip *a, const struct ip *b);
bool ip_is_v4(const struct ip *ip);       /* IPv4-mapped, 0.0.0.0 included */
bool ip_is_any(const struct ip *ip);      /* 0.0.0.0 or :: */
bool ip_is_loopback(const struct ip *ip); /* 127.0.0.0/8 or ::1 */
struct ip ip_any(int family);
struct ip ip_loopback(bool is_v4);

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
uint32_t endpoint_hash(const struct endpoint *a, const struct endpoint *b);

/* Reads a sockaddr given to a socket of `family`. 0, -EINVAL (too short), -EAFNOSUPPORT. */
int endpoint_from_sockaddr(int family, const struct sockaddr *addr, socklen_t len_bytes,
                           struct endpoint *endpoint);
/* Writes it as the kernel does: cut to *len_bytes, which then becomes the full length. Both may be
 * NULL together. 0 or -EINVAL (negative length). */
int endpoint_to_sockaddr(int family, const struct endpoint *endpoint, struct sockaddr *addr,
                         socklen_t *len_bytes);

/* "10.0.0.1:80", "[fd00::1]:80"; returns `text`. */
const char *endpoint_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_BYTES]);

#endif
