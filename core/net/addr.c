#include "core/net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static bool parse_port(uint16_t *port, const char *text, size_t len)
{
    uint32_t number = 0;

    if (len == 0 || len > 5 || text[0] == '0')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (uint32_t)(text[i] - '0');
    }
    *port = (uint16_t)number;
    return number <= UINT16_MAX;
}

bool addr_parse(struct addr *addr, const char *text, size_t len)
{
    char host[INET6_ADDRSTRLEN];
    bool is_v6 = len > 0 && text[0] == '[';
    const char *end = is_v6 ? memchr(text, ']', len) : memchr(text, ':', len);

    *addr = (struct addr){0};
    if (end == NULL)
        return false;
    const char *begin = is_v6 ? text + 1 : text;
    size_t host_len = (size_t)(end - begin);
    const char *colon = is_v6 ? end + 1 : end;
    if (host_len >= sizeof(host) || colon >= text + len || *colon != ':')
        return false;
    memcpy(host, begin, host_len);
    host[host_len] = '\0';
    if (strlen(host) != host_len || inet_pton(is_v6 ? AF_INET6 : AF_INET, host, addr->bytes) != 1)
        return false;
    addr->family = is_v6 ? AF_INET6 : AF_INET;
    return parse_port(&addr->port, colon + 1, len - (size_t)(colon + 1 - text));
}

const char *addr_print(const struct addr *addr, char out[ADDR_TEXT_BYTES])
{
    bool is_v6 = addr->family == AF_INET6;
    char host[INET6_ADDRSTRLEN] = "?";

    if (addr->family != 0)
        (void)inet_ntop(addr->family, addr->bytes, host, sizeof(host));
    (void)snprintf(out, ADDR_TEXT_BYTES, is_v6 ? "[%s]:%u" : "%s:%u", host, addr->port);
    return out;
}

bool addr_is_same(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && a->port == b->port &&
           memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

socklen_t addr_to_socket(const struct addr *addr, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (addr->family == AF_INET6) {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
        memcpy(&v6.sin6_addr, addr->bytes, sizeof(v6.sin6_addr));
        memcpy(out, &v6, sizeof(v6));
        return sizeof(v6);
    }
    BUG_ON(addr->family != AF_INET);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
    memcpy(&v4.sin_addr, addr->bytes, sizeof(v4.sin_addr));
    memcpy(out, &v4, sizeof(v4));
    return sizeof(v4);
}

bool addr_from_socket(struct addr *addr, const struct sockaddr_storage *from)
{
    *addr = (struct addr){.family = from->ss_family};
    if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof(v6));
        addr->port = ntohs(v6.sin6_port);
        memcpy(addr->bytes, &v6.sin6_addr, sizeof(v6.sin6_addr));
        return true;
    }
    if (from->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof(v4));
        addr->port = ntohs(v4.sin_port);
        memcpy(addr->bytes, &v4.sin_addr, sizeof(v4.sin_addr));
        return true;
    }
    return false;
}
