/*
 * sim/kernel/port.h - who holds which port of a host, for TCP and for UDP.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_PORT_H
#define SIM_KERNEL_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/process.h"
#include "sim/kernel/socket.h"

enum {
    PORT_EPHEMERAL_FIRST = 32768, /* net.ipv4.ip_local_port_range */
    PORT_EPHEMERAL_LAST = 60999,
    PORT_EPHEMERAL_FIRST_UDP = 47000, /* apart, so that nothing works by coincidence */
};
#define PORT_TIME_WAIT_NS UINT64_C(60000000000)

enum port_protocol { PORT_TCP, PORT_UDP, PORT_PROTOCOL_COUNT };

/* A place in one of the tables. */
struct port_link {
    struct port_bind *next;
    struct port_bind **prev; /* NULL when in none */
};

struct port_bind {
    struct port_link by_port;
    struct port_link by_flow; /* connected ones only */
    struct host *host;
    struct socket *socket; /* NULL: a connection that was not accepted yet, or nobody's any more */
    struct endpoint local;
    struct endpoint remote; /* when is_connected */
    uint64_t expires_ns;    /* TIME_WAIT ends; 0 when it is none */
    uint32_t sequence;
    enum port_protocol protocol;
    bool is_connected;
    bool is_listening;
    bool is_reuseaddr;
    bool is_reuseport;
    bool is_v6; /* the socket's family */
    bool is_v6only;
};

/* Holds `local` for `socket`; port 0 takes a free one. -EADDRINUSE. */
int port_bind_new(struct host *host, enum port_protocol protocol, const struct endpoint *local,
                  struct socket *socket, struct port_bind **out);
/* Holds a free port from which `remote` can be reached. -EADDRNOTAVAIL when all are taken. */
int port_bind_ephemeral(struct host *host, enum port_protocol protocol, const struct ip *local,
                        const struct endpoint *remote, struct socket *socket,
                        struct port_bind **out);
/* A connection's, made from a listener's or from another connection's. */
struct port_bind *port_bind_copy(const struct port_bind *from, const struct endpoint *local,
                                 const struct endpoint *remote);
/* From now on only what comes from `remote` is for it; or all again. */
void port_bind_connect(struct port_bind *bind, const struct endpoint *local,
                       const struct endpoint *remote);
void port_bind_disconnect(struct port_bind *bind, const struct endpoint *local);
void port_bind_free(struct port_bind *bind); /* NULL is a no-op */
/* Keeps the port for PORT_TIME_WAIT_NS more, then forgets it. */
void port_bind_linger(struct port_bind *bind);

/* May `bind` begin to listen beside the others? */
bool port_may_listen(const struct port_bind *bind);
/* Is there a connection with these two ends? */
bool port_has_connection(struct host *host, const struct endpoint *local,
                         const struct endpoint *remote, const struct port_bind *except);

/* The listener, or the UDP socket, that gets what `remote` sent to `local`; NULL when nobody. */
struct port_bind *port_find(struct host *host, enum port_protocol protocol,
                            const struct endpoint *local, const struct endpoint *remote);

#endif
