/*
 * core/proxy/request.h - the way of a request: client, head, route, server, body.
 *
 * Threads: the session's worker.
 */
#ifndef CORE_PROXY_REQUEST_H
#define CORE_PROXY_REQUEST_H

#include <stdbool.h>

struct session;

/* Gets ready for a head: a new session, or the next request of an old one. */
void request_reset(struct session *session);

/* Each moves what can be moved now; true if something changed. By state: REQUEST, CONNECT, RELAY.
 */
bool request_read_head(struct session *session);
bool request_connect(struct session *session);
bool request_relay(struct session *session);

/* Is the client between two requests? */
bool request_is_idle(const struct session *session);

/* Is there more of the request to come from the client, and room for it? */
bool request_awaits_client(const struct session *session);

#endif
