/*
 * sim/kernel/address.c - see address.h.
 */
#include "sim/kernel/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { V4_AT = 12, SOCKADDR_IN6_MIN_BYTES = 24 }; /* Linux SIN6_LEN_RFC2133 */

static const uint8_t v4_prefix[V4_AT] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static struct ip ip_from_bytes_v4(const void *bytes)
{
    struct ip ip;

    memcpy(ip.bytes, v4_prefix, V4_AT);
    memcpy(ip.bytes + V4_AT, bytes, 4);
    return ip;
}

struct ip ip_from_v4(uint32_t address_host_order)
{
    uint32_t wire = htonl(address_host_order);
    return ip_from_bytes_v4(&wire);
}

bool ip_parse(const char *text, struct ip *ip)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, text, &v4) == 1) {
        *ip = ip_from_bytes_v4(&v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    memcpy(ip->bytes, &v6, sizeof(ip->bytes));
    return true;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, v4_prefix, V4_AT) == 0;
}

bool ip_is_any(const struct ip *ip)
{
    static const struct ip none;
    return memcmp(ip->bytes + V4_AT, none.bytes, 4) == 0 && (ip_is_v4(ip) || ip_equal(ip, &none));
}

bool ip_is_loopback(const struct ip *ip)
{
    struct ip v6 = {{0}};

    if (ip_is_v4(ip))
        return ip->bytes[V4_AT] == 127;
    v6.bytes[15] = 1;
    return ip_equal(ip, &v6);
}

struct ip ip_any(int family)
{
    return family == AF_INET ? ip_from_v4(INADDR_ANY) : (struct ip){{0}};
}

struct ip ip_loopback(bool is_v4)
{
    struct ip ip = {{0}};

    if (is_v4)
        return ip_from_v4(INADDR_LOOPBACK);
    ip.bytes[15] = 1;
    return ip;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && ip_equal(&a->ip, &b->ip);
}

uint32_t endpoint_hash(const struct endpoint *a, const struct endpoint *b)
{
    uint32_t hash = UINT32_C(2166136261);

    for (size_t i = 0; i < sizeof(a->ip.bytes); i++) {
        hash = (hash ^ a->ip.bytes[i]) * UINT32_C(16777619);
        hash = (hash ^ b->ip.bytes[i]) * UINT32_C(16777619);
    }
    hash = (hash ^ a->port) * UINT32_C(16777619);
    hash = (hash ^ b->port) * UINT32_C(16777619);
    return hash ^ hash >> 15;
}

int endpoint_from_sockaddr(int family, const struct sockaddr *addr, socklen_t len_bytes,
                           struct endpoint *endpoint)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    sa_family_t given;

    if (addr == NULL)
        return -EFAULT;
    if (len_bytes < sizeof(given))
        return -EINVAL;
    memcpy(&given, (const char *)addr + offsetof(struct sockaddr, sa_family), sizeof(given));
    if (family == AF_INET) {
        if (len_bytes < sizeof(v4))
            return -EINVAL;
        if (given != AF_INET)
            return -EAFNOSUPPORT;
        memcpy(&v4, addr, sizeof(v4));
        endpoint->ip = ip_from_bytes_v4(&v4.sin_addr);
        endpoint->port = ntohs(v4.sin_port);
        return 0;
    }
    if (given == AF_INET) { /* some calls let an IPv6 socket take an IPv4 address */
        if (len_bytes < sizeof(v4))
            return -EINVAL;
        return -EAFNOSUPPORT;
    }
    if (len_bytes < SOCKADDR_IN6_MIN_BYTES)
        return -EINVAL;
    if (given != AF_INET6)
        return -EAFNOSUPPORT;
    memset(&v6, 0, sizeof(v6));
    memcpy(&v6, addr, len_bytes < sizeof(v6) ? len_bytes : sizeof(v6));
    memcpy(endpoint->ip.bytes, &v6.sin6_addr, sizeof(endpoint->ip.bytes));
    endpoint->port = ntohs(v6.sin6_port);
    return 0;
}

int endpoint_to_sockaddr(int family, const struct endpoint *endpoint, struct sockaddr *addr,
                         socklen_t *len_bytes)
{
    union {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } full = {0};
    socklen_t full_bytes;

    if (addr == NULL || len_bytes == NULL)
        return 0;
    if ((int)*len_bytes < 0)
        return -EINVAL;
    if (family == AF_INET) {
        full.v4.sin_family = AF_INET;
        full.v4.sin_port = htons(endpoint->port);
        memcpy(&full.v4.sin_addr, endpoint->ip.bytes + V4_AT, 4);
        full_bytes = sizeof(full.v4);
    } else {
        full.v6.sin6_family = AF_INET6;
        full.v6.sin6_port = htons(endpoint->port);
        memcpy(&full.v6.sin6_addr, endpoint->ip.bytes, sizeof(endpoint->ip.bytes));
        full_bytes = sizeof(full.v6);
    }
    memcpy(addr, &full, *len_bytes < full_bytes ? *len_bytes : full_bytes);
    *len_bytes = full_bytes;
    return 0;
}

const char *endpoint_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_BYTES])
{
    char ip[INET6_ADDRSTRLEN] = "";

    if (ip_is_v4(&endpoint->ip)) {
        inet_ntop(AF_INET, endpoint->ip.bytes + V4_AT, ip, sizeof(ip));
        snprintf(text, ENDPOINT_TEXT_BYTES, "%s:%u", ip, endpoint->port);
    } else {
        inet_ntop(AF_INET6, endpoint->ip.bytes, ip, sizeof(ip));
        snprintf(text, ENDPOINT_TEXT_BYTES, "[%s]:%u", ip, endpoint->port);
    }
    return text;
}
