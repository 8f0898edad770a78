/*
 * sim/actor/hpack.h - header compression of the actors' H2 (RFC 7541): nghttp2's, on a run's
 * memory.
 *
 * Owner: an h2_end.  Threads: none; on the actor's lane.
 */
#ifndef SIM_ACTOR_HPACK_H
#define SIM_ACTOR_HPACK_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HPACK_FIELDS_MAX = 64 };

struct hpack {
    nghttp2_mem memory; /* of both */
    nghttp2_hd_deflater *deflater;
    nghttp2_hd_inflater *inflater;
};

/* Fields to be sent; names and values must outlive the list. */
struct hpack_list {
    nghttp2_nv fields[HPACK_FIELDS_MAX];
    size_t count;
};

/* In the run's arena; nothing is given back. */
void hpack_init(struct hpack *hpack);

/* Too many are left out. */
void hpack_add(struct hpack_list *list, const char *name, size_t name_len, const char *value,
               size_t value_len);

/* The block of all fields, in the run's arena. */
const uint8_t *hpack_deflate(struct hpack *hpack, const struct hpack_list *list, size_t *len_bytes);

/* Calls `take` for each field of a whole block. False: it is malformed. */
bool hpack_inflate(struct hpack *hpack, const uint8_t *block, size_t len_bytes,
                   void (*take)(void *context, const char *name, size_t name_len, const char *value,
                                size_t value_len),
                   void *context);

#endif
