/*
 * sim/kernel/differential.c - slots, addresses and comparing; see differential.h.
 */
#include "sim/kernel/differential.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/random.h"
#include "sim/kernel/kernel.h"

#include <stdarg.h>

struct diff diff;
const struct side *const diff_sides[SIDES] = {&real_side, &sim_side};

static const char *const kind_words[] = {"none", "tcp", "udp", "unix", "pipe", "eventfd", "epoll"};

/* ---- the log ---- */

void diff_note(const char *format, ...)
{
    va_list args;
    int wrote;

    va_start(args, format);
    wrote = vsnprintf(diff.log + diff.log_used, LOG_BYTES - diff.log_used, format, args);
    va_end(args);
    if (wrote > 0 && diff.log_used + (size_t)wrote < LOG_BYTES)
        diff.log_used += (size_t)wrote;
}

void diff_differ(const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    diff_note("    DIFFERS: %s\n", text);
    diff.has_failed = true;
}

uint32_t diff_draw(uint32_t n)
{
    return random_below(&diff.random, n);
}

static const char *result_text(int64_t result, char text[32])
{
    if (result < 0)
        snprintf(text, 32, "%s", strerrorname_np((int)-result));
    else
        snprintf(text, 32, "%lld", (long long)result);
    return text;
}

/* Both results, which must be equal; fds count as equal. */
int64_t diff_agree(const int64_t result[SIDES], bool is_fd)
{
    char a[32];
    char b[32];
    bool is_same = is_fd && result[0] >= 0 ? result[1] >= 0 : result[0] == result[1];

    diff_note(" = %s\n", is_fd && result[0] >= 0 ? "fd" : result_text(result[0], a));
    if (!is_same)
        diff_differ("real %s, simulated %s", result_text(result[0], a), result_text(result[1], b));
    return result[0];
}

/* ---- slots ---- */

int diff_free_slot(void)
{
    for (int i = 0; i < SLOTS; i++) {
        if (diff.slots[i].kind == NONE)
            return i;
    }
    return -1;
}

int diff_pick_slot(enum kind kind)
{
    int start = (int)diff_draw(SLOTS);

    for (int i = 0; i < SLOTS; i++) {
        int at = (start + i) % SLOTS;
        if (kind == NONE ? diff.slots[at].kind != NONE : diff.slots[at].kind == kind)
            return at;
    }
    return -1;
}

void diff_set_slot(int at, enum kind kind, int family, int type, const int64_t fd[SIDES])
{
    diff.slots[at] = (struct slot){.kind = kind, .family = family, .type = type};
    for (int s = 0; s < SIDES; s++)
        diff.slots[at].fd[s] = (int)fd[s];
}

void diff_copy_slot(int to, int from, const int64_t fd[SIDES])
{
    diff.slots[to] = diff.slots[from];
    for (int s = 0; s < SIDES; s++)
        diff.slots[to].fd[s] = (int)fd[s];
}

/* ---- addresses ---- */

socklen_t diff_local_name(int at, int s, struct sockaddr_storage *name)
{
    socklen_t bytes = sizeof(*name);

    memset(name, 0, sizeof(*name));
    diff_sides[s]->name(diff.slots[at].fd[s], 0, (struct sockaddr *)name, &bytes);
    return bytes;
}

uint16_t *diff_port_of(struct sockaddr_storage *name)
{
    return name->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)name)->sin6_port
                                       : &((struct sockaddr_in *)name)->sin_port;
}

socklen_t diff_make_home(int family, struct sockaddr_storage *name, uint16_t port)
{
    memset(name, 0, sizeof(*name));
    if (family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)name;
        v6->sin6_family = AF_INET6;
        v6->sin6_addr = in6addr_loopback;
        v6->sin6_port = port;
        return sizeof(*v6);
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)name;
    v4->sin_family = AF_INET;
    v4->sin_addr = diff.home;
    v4->sin_port = port;
    return sizeof(*v4);
}

/* A port becomes the lowest slot that has it, so that both sides can be compared. */
static int symbol_of(int s, uint16_t port)
{
    if (port == 0)
        return -1;
    for (int i = 0; i < SLOTS; i++) {
        struct sockaddr_storage name;
        if (diff.slots[i].kind != TCP && diff.slots[i].kind != UDP)
            continue;
        diff_local_name(i, s, &name);
        if (*diff_port_of(&name) == port)
            return i;
    }
    return SLOTS;
}

void diff_compare_names(struct sockaddr_storage name[SIDES], const socklen_t bytes[SIDES])
{
    int symbol[SIDES];

    if (bytes[0] != bytes[1]) {
        diff_differ("name of %u bytes, simulated %u", bytes[0], bytes[1]);
        return;
    }
    if (name[0].ss_family != AF_INET && name[0].ss_family != AF_INET6)
        return;
    for (int s = 0; s < SIDES; s++) {
        symbol[s] = symbol_of(s, *diff_port_of(&name[s]));
        *diff_port_of(&name[s]) = 0;
    }
    if (symbol[0] != symbol[1])
        diff_differ("port of slot %d, simulated of slot %d", symbol[0], symbol[1]);
    if (memcmp(&name[0], &name[1], bytes[0]) != 0)
        diff_differ("another address");
}

/* The address by which slot `to` can be reached by a socket of `family`. */
socklen_t diff_reach(int to, int s, int family, struct sockaddr_storage *name)
{
    struct sockaddr_storage theirs;

    diff_local_name(to, s, &theirs);
    if (theirs.ss_family == AF_INET) {
        struct in_addr addr = ((struct sockaddr_in *)&theirs)->sin_addr;
        uint16_t port = *diff_port_of(&theirs);
        if (family == AF_INET6) { /* as an IPv4-mapped address */
            struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)name;
            memset(name, 0, sizeof(*name));
            v6->sin6_family = AF_INET6;
            v6->sin6_port = port;
            memset(&v6->sin6_addr.s6_addr[10], 0xff, 2);
            memcpy(&v6->sin6_addr.s6_addr[12], &addr, 4);
            return sizeof(*v6);
        }
    }
    *name = theirs;
    return theirs.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* Not from an IPv6 socket that has an IPv6 address to an IPv4 one. */
bool diff_can_reach(int at, int to)
{
    struct sockaddr_storage name;
    const struct in6_addr *v6 = &((struct sockaddr_in6 *)&name)->sin6_addr;

    if (diff.slots[at].is_foreign || diff.slots[to].is_foreign)
        return false;
    if (diff.slots[at].family != AF_INET6)
        return true;
    if (diff.slots[at].has_used_v4)
        return false;
    diff_local_name(to, 0, &name);
    if (name.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(v6))
        return true;
    diff_local_name(at, 0, &name);
    if (!IN6_IS_ADDR_UNSPECIFIED(v6) && !IN6_IS_ADDR_V4MAPPED(v6))
        return false;
    diff.slots[at].has_used_v4 = true;
    return true;
}

bool diff_is_same_file(int a, int b)
{
    struct sockaddr_storage name;
    uint16_t port;

    if (a == b)
        return true;
    diff_local_name(a, 0, &name);
    port = *diff_port_of(&name);
    diff_local_name(b, 0, &name);
    return port != 0 && port == *diff_port_of(&name);
}

/* The other end of a TCP connection; -1 when it is in no slot. */
int diff_peer_of(int at)
{
    struct sockaddr_storage mine;
    struct sockaddr_storage theirs;
    socklen_t bytes = sizeof(mine);

    if (real_side.name(diff.slots[at].fd[0], 1, (struct sockaddr *)&mine, &bytes) != 0)
        return -1;
    for (int i = 0; i < SLOTS; i++) {
        if (diff.slots[i].kind != TCP || i == at)
            continue;
        diff_local_name(i, 0, &theirs);
        bytes = sizeof(mine);
        if (*diff_port_of(&theirs) != *diff_port_of(&mine) ||
            real_side.name(diff.slots[i].fd[0], 1, (struct sockaddr *)&theirs, &bytes) != 0)
            continue;
        diff_local_name(at, 0, &mine);
        return *diff_port_of(&theirs) == *diff_port_of(&mine) ? i : -1;
    }
    return -1;
}

/* ---- readiness ---- */

void diff_compare_readiness(void)
{
    struct pollfd fds[SIDES][SLOTS];
    int at[SLOTS];
    int count = 0;

    for (int i = 0; i < SLOTS; i++) {
        if (diff.slots[i].kind == NONE)
            continue;
        for (int s = 0; s < SIDES; s++)
            fds[s][count] = (struct pollfd){.fd = diff.slots[i].fd[s], .events = POLL_ALL};
        at[count++] = i;
    }
    for (int s = 0; s < SIDES; s++)
        diff_sides[s]->poll(fds[s], count);
    for (int i = 0; i < count; i++) {
        if (fds[0][i].revents != fds[1][i].revents)
            diff_differ("poll of %d (%s): %#x, simulated %#x", at[i],
                        kind_words[diff.slots[at[i]].kind], (unsigned)fds[0][i].revents,
                        (unsigned)fds[1][i].revents);
    }
}
