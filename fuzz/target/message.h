/*
 * fuzz/target/message.h - heads before and after a way through a protocol.
 *
 * Threads: any.
 */
#ifndef FUZZ_TARGET_MESSAGE_H
#define FUZZ_TARGET_MESSAGE_H

#include "core/http/head.h"

/* `after` has what `before` has, in its order, and perhaps Via behind it; else a finding. */
void message_compare(const struct http_head *before, const struct http_head *after,
                     const char *title);

/* The same text, without regard to ASCII case if `is_name`. */
bool message_is_same(const struct http_head *a, struct http_slice a_slice,
                     const struct http_head *b, struct http_slice b_slice, bool is_name);

#endif
