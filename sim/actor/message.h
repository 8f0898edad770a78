/*
 * sim/actor/message.h - the requests and responses that actors send.
 *
 * Owner: plain functions over a peer.  Threads: none; on the actor's lane.
 */
#ifndef SIM_ACTOR_MESSAGE_H
#define SIM_ACTOR_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/actor/peer.h"

/* NULL strings are left out. A body is announced with x-body and can be checked by who gets it. */
struct message {
    const char *method; /* NULL: a response */
    const char *target;
    uint32_t status;
    const char *version; /* NULL: HTTP/1.1 */
    const char *host;
    const char *header; /* one more field line, without CRLF */
    bool has_body;
    uint64_t body_bytes;
    uint32_t body_key;
    bool is_chunked;
    bool is_close;
    bool is_keep_alive;
    bool is_head_response; /* announces the body and does not send it */
};

void message_send(struct peer *peer, const struct message *message);

/* A key for a body, from names and numbers only. */
uint32_t message_key(const char *who, uint64_t number);

#endif
