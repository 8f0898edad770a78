/*
 * core/proxy/connect.h - a connection for an exchange that has a slot of a server.
 *
 * In this order: one that is private to the client's session; an idle one of the server, own or
 * stolen, as its reuse policy allows; a new one. The policies (HAProxy's http-reuse):
 *
 *     never       each connection is private to the session it was made for
 *     safe        the first request of a client goes over a connection of its own: if an idle one
 *                 turned out to be closed, the client would have to send it again, and many do not
 *     aggressive  the first may go over one that has been reused before
 *     always      over any
 *
 * Threads: the exchange's worker.
 */
#ifndef CORE_PROXY_CONNECT_H
#define CORE_PROXY_CONNECT_H

#include <stdbool.h>

#include "core/base/attr.h"

struct channel;
struct exchange;
struct http_head;

/* Wants a slot: of the server to which the session has a private connection, or of the best. True:
 * the exchange has moved on to CONNECT, QUEUE or ANSWER. */
void connect_want_slot(struct exchange *exchange);

/* State CONNECT: attaches the back stream (RELAY), or answers. */
void connect_begin(struct exchange *exchange);

/* State RELAY, and the stream has failed: tries elsewhere if that does no harm, or answers, or ends
 * it. */
void connect_failed(struct exchange *exchange);

/* For channel.on_head of `down`: a response's head, before it goes on. */
void connect_see_head(struct channel *down, const struct http_head *head);

#endif
