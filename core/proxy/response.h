/*
 * core/proxy/response.h - the way of a response: server, heads (interim ones too), body, client.
 *
 * Threads: the session's worker.
 */
#ifndef CORE_PROXY_RESPONSE_H
#define CORE_PROXY_RESPONSE_H

#include <stdbool.h>

struct session;

/* Moves what can be moved now; true if something changed. State RELAY. */
bool response_relay(struct session *session);

/* Is there more of the response to come from the server, and room for it? */
bool response_awaits_server(const struct session *session);

#endif
