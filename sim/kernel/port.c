/*
 * sim/kernel/port.c - see port.h.
 */
#include "sim/kernel/port.h"

#include <errno.h>

#include "sim/kernel/kernel.h"

enum { SCORE_ADDRESS = 4, SCORE_FAMILY = 1, BUCKETS_FIRST = 16 };

/* Three tables for each protocol, so that ten thousand connections of one listener are in nobody's
 * way: those that hear everybody, by port; those that are connected, by port (who holds it?) and by
 * flow (whose is this segment?). */
enum port_set { SET_OPEN, SET_HELD, SET_FLOWS, SET_COUNT };

struct port_buckets {
    struct port_bind **heads; /* a power of two of them */
    uint32_t bucket_count;
    uint32_t bind_count;
};

struct port_table {
    struct port_buckets sets[PORT_PROTOCOL_COUNT][SET_COUNT];
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

static struct port_buckets *set_of(struct host *host, enum port_protocol protocol,
                                   enum port_set set)
{
    return &table_of(host)->sets[protocol][set];
}

static struct port_link *link_of(struct port_bind *bind, enum port_set set)
{
    return set == SET_FLOWS ? &bind->by_flow : &bind->by_port;
}

static uint32_t key_of(const struct port_bind *bind, enum port_set set)
{
    return set == SET_FLOWS ? endpoint_hash(&bind->local, &bind->remote) : bind->local.port;
}

static void push(struct port_buckets *buckets, struct port_bind *bind, enum port_set set)
{
    struct port_bind **head = &buckets->heads[key_of(bind, set) & (buckets->bucket_count - 1)];
    struct port_link *link = link_of(bind, set);

    link->next = *head;
    link->prev = head;
    if (*head != NULL)
        link_of(*head, set)->prev = &link->next;
    *head = bind;
}

static void grow(struct port_buckets *buckets, enum port_set set)
{
    struct port_bind **old = buckets->heads;
    uint32_t old_count = buckets->bucket_count;

    buckets->bucket_count = old_count == 0 ? BUCKETS_FIRST : old_count * 2;
    buckets->heads = kmem_take(buckets->bucket_count * sizeof(struct port_bind *));
    for (uint32_t i = 0; i < old_count; i++) {
        struct port_bind *reversed = NULL; /* so that the order within a bucket stays */
        struct port_bind *next;
        for (struct port_bind *bind = old[i]; bind != NULL; bind = next) {
            next = link_of(bind, set)->next;
            link_of(bind, set)->next = reversed;
            reversed = bind;
        }
        for (struct port_bind *bind = reversed; bind != NULL; bind = next) {
            next = link_of(bind, set)->next;
            push(buckets, bind, set);
        }
    }
    kmem_give(old, old_count * sizeof(struct port_bind *));
}

static void insert_in(struct port_bind *bind, enum port_set set)
{
    struct port_buckets *buckets = set_of(bind->host, bind->protocol, set);

    if (buckets->bind_count >= buckets->bucket_count)
        grow(buckets, set);
    buckets->bind_count++;
    push(buckets, bind, set);
}

static void remove_from(struct port_bind *bind, enum port_set set)
{
    struct port_link *link = link_of(bind, set);

    *link->prev = link->next;
    if (link->next != NULL)
        link_of(link->next, set)->prev = link->prev;
    link->prev = NULL;
    set_of(bind->host, bind->protocol, set)->bind_count--;
}

static void insert(struct port_bind *bind)
{
    bind->sequence = ++table_of(bind->host)->sequence;
    insert_in(bind, bind->is_connected ? SET_HELD : SET_OPEN);
    if (bind->is_connected)
        insert_in(bind, SET_FLOWS);
}

static void take_out(struct port_bind *bind)
{
    remove_from(bind, bind->is_connected ? SET_HELD : SET_OPEN);
    if (bind->is_connected)
        remove_from(bind, SET_FLOWS);
}

/* The bucket where `key` would be; NULL when it is empty. TIME_WAIT needs no timer: what is over is
 * dropped when somebody comes by. */
static struct port_bind *first_in(struct host *host, enum port_protocol protocol, enum port_set set,
                                  uint32_t key)
{
    struct port_buckets *buckets = set_of(host, protocol, set);
    struct port_bind **head;
    struct port_bind *next;

    if (buckets->bind_count == 0)
        return NULL;
    head = &buckets->heads[key & (buckets->bucket_count - 1)];
    for (struct port_bind *bind = *head; bind != NULL; bind = next) {
        next = link_of(bind, set)->next;
        if (bind->expires_ns != 0 && bind->expires_ns <= sched_now_ns())
            port_bind_free(bind);
    }
    return *head;
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

static bool conflicts_in(const struct port_bind *bind, enum port_set set)
{
    for (struct port_bind *other = first_in(bind->host, bind->protocol, set, bind->local.port);
         other != NULL; other = other->by_port.next) {
        if (conflict(bind, other))
            return true;
    }
    return false;
}

static bool conflicts_with_any(const struct port_bind *bind)
{
    return conflicts_in(bind, SET_OPEN) || conflicts_in(bind, SET_HELD);
}

/* `remote` NULL: by anybody; else by who would be mistaken for a connection to it. */
static bool is_port_held(struct host *host, enum port_protocol protocol, uint16_t port,
                         const struct endpoint *remote)
{
    for (struct port_bind *other = first_in(host, protocol, SET_OPEN, port); other != NULL;
         other = other->by_port.next) {
        if (other->local.port == port)
            return true;
    }
    for (struct port_bind *other = first_in(host, protocol, SET_HELD, port); other != NULL;
         other = other->by_port.next) {
        if (other->local.port == port && (remote == NULL || endpoint_equal(&other->remote, remote)))
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

struct port_bind *port_bind_copy(const struct port_bind *from, const struct endpoint *local,
                                 const struct endpoint *remote)
{
    struct port_bind *bind = kmem_take(sizeof(*bind));

    *bind = *from;
    bind->socket = NULL;
    bind->is_listening = false;
    bind->is_connected = true;
    bind->local = *local;
    bind->remote = *remote;
    insert(bind);
    return bind;
}

void port_bind_connect(struct port_bind *bind, const struct endpoint *local,
                       const struct endpoint *remote)
{
    take_out(bind);
    bind->is_connected = true;
    bind->local = *local;
    bind->remote = *remote;
    insert(bind);
}

void port_bind_disconnect(struct port_bind *bind, const struct endpoint *local)
{
    take_out(bind);
    bind->is_connected = false;
    bind->local = *local;
    insert(bind);
}

void port_bind_free(struct port_bind *bind)
{
    if (bind == NULL)
        return;
    take_out(bind);
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

static struct port_bind *find_flow(struct host *host, enum port_protocol protocol,
                                   const struct endpoint *local, const struct endpoint *remote)
{
    struct port_bind *bind = first_in(host, protocol, SET_FLOWS, endpoint_hash(local, remote));

    while (bind != NULL &&
           !(endpoint_equal(&bind->local, local) && endpoint_equal(&bind->remote, remote)))
        bind = bind->by_flow.next;
    return bind;
}

bool port_has_connection(struct host *host, const struct endpoint *local,
                         const struct endpoint *remote, const struct port_bind *except)
{
    struct port_bind *bind = find_flow(host, PORT_TCP, local, remote);
    return bind != NULL && bind != except;
}

/* ---- lookup ---- */

/* How well `bind` fits, as Linux's compute_score(); 0 when it does not. */
static unsigned score_of(const struct port_bind *bind, const struct endpoint *local)
{
    unsigned score = 1;

    if (bind->socket == NULL || bind->local.port != local->port || !covers(bind, &local->ip))
        return 0;
    if (bind->protocol == PORT_TCP && !bind->is_listening)
        return 0;
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

    for (const struct port_bind *bind = head; bind != NULL; bind = bind->by_port.next)
        count += bind->is_reuseport && score_of(bind, local) == score;
    KERNEL_CHECK(count > 0);
    wanted = count - 1 - endpoint_hash(local, remote) % count; /* the list is latest first */
    for (struct port_bind *bind = head; bind != NULL; bind = bind->by_port.next) {
        if (bind->is_reuseport && score_of(bind, local) == score && wanted-- == 0)
            return bind;
    }
    return NULL;
}

struct port_bind *port_find(struct host *host, enum port_protocol protocol,
                            const struct endpoint *local, const struct endpoint *remote)
{
    struct port_bind *flow = protocol == PORT_UDP ? find_flow(host, protocol, local, remote) : NULL;
    struct port_bind *head;
    struct port_bind *best = NULL;
    unsigned best_score = 0;

    if (flow != NULL && flow->socket != NULL)
        return flow;
    head = first_in(host, protocol, SET_OPEN, local->port);
    for (struct port_bind *bind = head; bind != NULL; bind = bind->by_port.next) {
        unsigned score = score_of(bind, local);
        if (score > best_score) {
            best = bind;
            best_score = score;
        }
    }
    if (best != NULL && best->is_reuseport)
        return pick_of_group(head, best_score, local, remote);
    return best;
}
