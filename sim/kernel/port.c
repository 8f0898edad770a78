/*
 * sim/kernel/port.c - see port.h.
 */
#include "sim/kernel/port.h"

#include <errno.h>

#include "sim/kernel/kernel.h"

enum { SCORE_ADDRESS = 4, SCORE_CONNECTED = 8, SCORE_FAMILY = 1 };

struct port_table {
    struct port_bind *buckets[PORT_PROTOCOL_COUNT][PORT_BUCKETS];
    uint16_t next_ephemeral[PORT_PROTOCOL_COUNT];
    uint32_t sequence;
};

static struct port_table *table_of(struct host *host)
{
    if (host->ports == NULL) {
        host->ports = kmem_take(sizeof(*host->ports));
        host->ports->next_ephemeral[PORT_TCP] = PORT_EPHEMERAL_FIRST;
        host->ports->next_ephemeral[PORT_UDP] = PORT_EPHEMERAL_FIRST_UDP;
    }
    return host->ports;
}

static struct port_bind **bucket_of(struct host *host, enum port_protocol protocol, uint16_t port)
{
    return &table_of(host)->buckets[protocol][port % PORT_BUCKETS];
}

/* TIME_WAIT needs no timer: what is over is dropped when somebody comes by. */
static void drop_expired(struct port_bind **bucket)
{
    while (*bucket != NULL) {
        struct port_bind *bind = *bucket;
        if (bind->expires_ns != 0 && bind->expires_ns <= sched_now_ns()) {
            *bucket = bind->next;
            kmem_give(bind, sizeof(*bind));
        } else {
            bucket = &bind->next;
        }
    }
}

static void insert(struct port_bind *bind)
{
    struct port_bind **bucket = bucket_of(bind->host, bind->protocol, bind->local.port);

    bind->sequence = ++table_of(bind->host)->sequence;
    bind->next = *bucket;
    *bucket = bind;
}

/* The addresses that a bind answers to. */
static bool covers(const struct port_bind *bind, const struct ip *ip)
{
    if (ip_equal(&bind->local.ip, ip))
        return true;
    if (!ip_is_any(&bind->local.ip))
        return false;
    if (ip_is_v4(&bind->local.ip))
        return ip_is_v4(ip);
    return !bind->is_v6only || !ip_is_v4(ip);
}

static bool overlap(const struct port_bind *a, const struct port_bind *b)
{
    return covers(a, &b->local.ip) || covers(b, &a->local.ip);
}

/* Linux inet_bind_conflict() and udp_lib_lport_inuse(). */
static bool conflict(const struct port_bind *a, const struct port_bind *b)
{
    if (a == b || a->local.port != b->local.port || !overlap(a, b))
        return false;
    if (a->is_reuseaddr && b->is_reuseaddr && !b->is_listening)
        return false;
    return !a->is_reuseport || !b->is_reuseport;
}

static bool conflicts_with_any(const struct port_bind *bind)
{
    struct port_bind **bucket = bucket_of(bind->host, bind->protocol, bind->local.port);

    drop_expired(bucket);
    for (const struct port_bind *other = *bucket; other != NULL; other = other->next) {
        if (conflict(bind, other))
            return true;
    }
    return false;
}

static bool is_port_held(struct host *host, enum port_protocol protocol, uint16_t port,
                         const struct endpoint *remote)
{
    struct port_bind **bucket = bucket_of(host, protocol, port);

    drop_expired(bucket);
    for (const struct port_bind *other = *bucket; other != NULL; other = other->next) {
        if (other->local.port != port)
            continue;
        if (remote == NULL || !other->is_connected || endpoint_equal(&other->remote, remote))
            return true;
    }
    return false;
}

/* The next free port in order. Ports held only by connections elsewhere serve when no other is
 * left. 0 when there is none. */
static uint16_t take_ephemeral(struct host *host, enum port_protocol protocol,
                               const struct endpoint *remote)
{
    uint16_t *next = &table_of(host)->next_ephemeral[protocol];

    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = PORT_EPHEMERAL_FIRST; i <= PORT_EPHEMERAL_LAST; i++) {
            uint16_t port = *next;
            *next = port == PORT_EPHEMERAL_LAST ? PORT_EPHEMERAL_FIRST : (uint16_t)(port + 1);
            if (!is_port_held(host, protocol, port, pass == 0 ? NULL : remote))
                return port;
        }
        if (remote == NULL)
            break;
    }
    return 0;
}

static struct port_bind *make(struct host *host, enum port_protocol protocol,
                              const struct endpoint *local, struct socket *socket)
{
    struct port_bind *bind = kmem_take(sizeof(*bind));

    bind->host = host;
    bind->socket = socket;
    bind->local = *local;
    bind->protocol = protocol;
    bind->is_reuseaddr = socket->options.is_reuseaddr;
    bind->is_reuseport = socket->options.is_reuseport;
    bind->is_v6 = socket->family == AF_INET6;
    bind->is_v6only = socket->options.is_v6only;
    return bind;
}

int port_bind_new(struct host *host, enum port_protocol protocol, const struct endpoint *local,
                  struct socket *socket, struct port_bind **out)
{
    struct port_bind *bind = make(host, protocol, local, socket);

    if (local->port == 0) {
        bind->local.port = take_ephemeral(host, protocol, NULL);
        if (bind->local.port == 0)
            goto in_use;
    } else if (conflicts_with_any(bind)) {
        goto in_use;
    }
    insert(bind);
    *out = bind;
    return 0;
in_use:
    kmem_give(bind, sizeof(*bind));
    return -EADDRINUSE;
}

int port_bind_ephemeral(struct host *host, enum port_protocol protocol, const struct ip *local,
                        const struct endpoint *remote, struct socket *socket,
                        struct port_bind **out)
{
    struct endpoint end = {.ip = *local, .port = take_ephemeral(host, protocol, remote)};
    struct port_bind *bind;

    if (end.port == 0)
        return -EADDRNOTAVAIL;
    bind = make(host, protocol, &end, socket);
    bind->remote = *remote;
    bind->is_connected = true;
    insert(bind);
    *out = bind;
    return 0;
}

struct port_bind *port_bind_copy(const struct port_bind *from)
{
    struct port_bind *bind = kmem_take(sizeof(*bind));

    *bind = *from;
    bind->socket = NULL;
    bind->is_listening = false;
    insert(bind);
    return bind;
}

void port_bind_free(struct port_bind *bind)
{
    struct port_bind **link;

    if (bind == NULL)
        return;
    link = bucket_of(bind->host, bind->protocol, bind->local.port);
    while (*link != bind)
        link = &(*link)->next;
    *link = bind->next;
    kmem_give(bind, sizeof(*bind));
}

void port_bind_linger(struct port_bind *bind)
{
    bind->socket = NULL;
    bind->expires_ns = sched_now_ns() + PORT_TIME_WAIT_NS;
}

bool port_may_listen(const struct port_bind *bind)
{
    return !conflicts_with_any(bind);
}

bool port_has_connection(struct host *host, const struct endpoint *local,
                         const struct endpoint *remote, const struct port_bind *except)
{
    struct port_bind **bucket = bucket_of(host, PORT_TCP, local->port);

    drop_expired(bucket);
    for (const struct port_bind *other = *bucket; other != NULL; other = other->next) {
        if (other != except && other->is_connected && endpoint_equal(&other->local, local) &&
            endpoint_equal(&other->remote, remote))
            return true;
    }
    return false;
}

/* ---- lookup ---- */

/* How well `bind` fits, as Linux's compute_score(); 0 when it does not. */
static unsigned score_of(const struct port_bind *bind, const struct endpoint *local,
                         const struct endpoint *remote)
{
    unsigned score = 1;

    if (bind->socket == NULL || bind->local.port != local->port || !covers(bind, &local->ip))
        return 0;
    if (bind->protocol == PORT_TCP && !bind->is_listening)
        return 0;
    if (bind->is_connected) {
        if (!endpoint_equal(&bind->remote, remote))
            return 0;
        score += SCORE_CONNECTED;
    }
    if (!ip_is_any(&bind->local.ip))
        score += SCORE_ADDRESS;
    if (!bind->is_v6)
        score += SCORE_FAMILY;
    return score;
}

/* Several sockets share the port: the flow's hash says which of them, in order of binding. */
static struct port_bind *pick_of_group(struct port_bind *head, unsigned score,
                                       const struct endpoint *local, const struct endpoint *remote)
{
    uint32_t count = 0;
    uint32_t wanted;

    for (const struct port_bind *bind = head; bind != NULL; bind = bind->next)
        count += bind->is_reuseport && score_of(bind, local, remote) == score;
    wanted = count - 1 - endpoint_hash(local, remote) % count; /* the list is latest first */
    for (struct port_bind *bind = head; bind != NULL; bind = bind->next) {
        if (bind->is_reuseport && score_of(bind, local, remote) == score && wanted-- == 0)
            return bind;
    }
    return NULL;
}

struct port_bind *port_find(struct host *host, enum port_protocol protocol,
                            const struct endpoint *local, const struct endpoint *remote)
{
    struct port_bind *head = *bucket_of(host, protocol, local->port);
    struct port_bind *best = NULL;
    unsigned best_score = 0;

    for (struct port_bind *bind = head; bind != NULL; bind = bind->next) {
        unsigned score = score_of(bind, local, remote);
        if (score > best_score) {
            best = bind;
            best_score = score;
        }
    }
    if (best != NULL && best->is_reuseport && !best->is_connected)
        return pick_of_group(head, best_score, local, remote);
    return best;
}
