/*
 * core/base/buf.h - a ring of bytes between one reader and one writer of the same worker.
 *
 * Storage is the caller's. A region (at most two pieces, as the ring wraps) can be filled or
 * drained in place by a system call and then accounted with buf_fill() or buf_skip().
 *
 * Threads: the buffer's owner.
 */
#ifndef CORE_BASE_BUF_H
#define CORE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"

struct buf {
    uint8_t *area;
    size_t size_bytes;
    size_t head;      /* offset of the first byte, below size_bytes */
    size_t len_bytes; /* bytes held */
};

/* A contiguous piece of a buffer. */
struct buf_span {
    uint8_t *data;
    size_t len_bytes;
};

/* `area` (not NULL) stays the caller's and must outlive the buffer. size_bytes 0 makes a buffer
 * that is always both empty and full. */
void buf_init(struct buf *buf, void *area, size_t size_bytes);

static inline size_t buf_len(const struct buf *buf)
{
    return buf->len_bytes;
}

static inline size_t buf_room(const struct buf *buf)
{
    return buf->size_bytes - buf->len_bytes;
}

static inline bool buf_is_empty(const struct buf *buf)
{
    return buf->len_bytes == 0;
}

static inline bool buf_is_full(const struct buf *buf)
{
    return buf->len_bytes == buf->size_bytes;
}

/* The first contiguous piece of data; len 0 when empty. */
struct buf_span buf_data_span(const struct buf *buf);

/* The first contiguous piece of room; len 0 when full. */
struct buf_span buf_room_span(const struct buf *buf);

/* Accounts bytes written in place into buf_room_span(). */
void buf_fill(struct buf *buf, size_t len_bytes);

/* Drops the first `len_bytes`, which must be there. */
void buf_skip(struct buf *buf, size_t len_bytes);

/* Copies as much of `data` as there is room for; returns how much. */
size_t buf_write(struct buf *buf, const void *data, size_t len_bytes);

/* Copies up to `len_bytes` found `offset` bytes behind the head, and keeps them; returns how much.
 */
size_t buf_peek(const struct buf *buf, size_t offset, void *out, size_t len_bytes);

/* Copies up to `len_bytes` out and drops them; returns how much. */
size_t buf_read(struct buf *buf, void *out, size_t len_bytes);

/* Moves as much as fits from one to the other, at most `len_bytes_max`; returns how much. */
size_t buf_move(struct buf *to, struct buf *from, size_t len_bytes_max);

/* Makes the data contiguous from the start of the area; costs a copy when it wraps. */
void buf_align(struct buf *buf);

void buf_reset(struct buf *buf);

void buf_check(const struct buf *buf);

#endif
