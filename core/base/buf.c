#include "core/base/buf.h"

#include <string.h>

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The offset in the area of the byte `offset` behind the head; offset <= size. */
static size_t wrap(const struct buf *buf, size_t offset)
{
    size_t at = buf->head + offset;

    return at >= buf->size_bytes ? at - buf->size_bytes : at;
}

void buf_init(struct buf *buf, void *area, size_t size_bytes)
{
    BUG_ON(area == NULL);
    buf->area = area;
    buf->size_bytes = size_bytes;
    buf_reset(buf);
}

void buf_reset(struct buf *buf)
{
    buf->head = 0;
    buf->len_bytes = 0;
}

struct buf_span buf_data_span(const struct buf *buf)
{
    if (buf->area == NULL) /* no memory yet: nothing to see, and no offset to take of it */
        return (struct buf_span){0};
    return (struct buf_span){
        .data = buf->area + buf->head,
        .len_bytes = min_size(buf->len_bytes, buf->size_bytes - buf->head),
    };
}

struct buf_span buf_room_span(const struct buf *buf)
{
    if (buf->area == NULL)
        return (struct buf_span){0};
    size_t tail = wrap(buf, buf->len_bytes);
    return (struct buf_span){
        .data = buf->area + tail,
        .len_bytes = min_size(buf_room(buf), buf->size_bytes - tail),
    };
}

void buf_fill(struct buf *buf, size_t len_bytes)
{
    BUG_ON(len_bytes > buf_room(buf));
    buf->len_bytes += len_bytes;
}

void buf_skip(struct buf *buf, size_t len_bytes)
{
    BUG_ON(len_bytes > buf->len_bytes);
    buf->len_bytes -= len_bytes;
    /* An empty buffer starts over: then the next fill is contiguous. */
    buf->head = buf->len_bytes == 0 ? 0 : wrap(buf, len_bytes);
}

size_t buf_write(struct buf *buf, const void *data, size_t len_bytes)
{
    const uint8_t *from = data;
    size_t done = 0;

    while (done < len_bytes && !buf_is_full(buf)) {
        struct buf_span room = buf_room_span(buf);
        size_t piece = min_size(room.len_bytes, len_bytes - done);

        BUG_ON(room.data == NULL); /* it is not full, so it has memory */
        memcpy(room.data, from + done, piece);
        buf_fill(buf, piece);
        done += piece;
    }
    return done;
}

size_t buf_peek(const struct buf *buf, size_t offset, void *out, size_t len_bytes)
{
    uint8_t *to = out;
    size_t first, at;

    if (offset >= buf->len_bytes)
        return 0;
    len_bytes = min_size(len_bytes, buf->len_bytes - offset);
    at = wrap(buf, offset);
    first = min_size(len_bytes, buf->size_bytes - at);
    if (first > 0)
        memcpy(to, buf->area + at, first);
    if (len_bytes > first)
        memcpy(to + first, buf->area, len_bytes - first);
    return len_bytes;
}

size_t buf_read(struct buf *buf, void *out, size_t len_bytes)
{
    size_t done = buf_peek(buf, 0, out, len_bytes);

    buf_skip(buf, done);
    return done;
}

size_t buf_move(struct buf *to, struct buf *from, size_t len_bytes_max)
{
    size_t done = 0;

    while (done < len_bytes_max && !buf_is_empty(from) && !buf_is_full(to)) {
        struct buf_span data = buf_data_span(from);
        BUG_ON(data.data == NULL); /* it is not empty, so it has memory */
        size_t piece = buf_write(to, data.data, min_size(data.len_bytes, len_bytes_max - done));

        buf_skip(from, piece);
        done += piece;
    }
    return done;
}

static void reverse(uint8_t *data, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes / 2; i++) {
        uint8_t byte = data[i];

        data[i] = data[len_bytes - 1 - i];
        data[len_bytes - 1 - i] = byte;
    }
}

void buf_align(struct buf *buf)
{
    if (buf->head + buf->len_bytes <= buf->size_bytes) {
        if (buf->len_bytes > 0)
            memmove(buf->area, buf->area + buf->head, buf->len_bytes);
    } else {
        /* It wraps: rotate the whole area left by `head`, in place. */
        reverse(buf->area, buf->head);
        reverse(buf->area + buf->head, buf->size_bytes - buf->head);
        reverse(buf->area, buf->size_bytes);
    }
    buf->head = 0;
}

void buf_check(const struct buf *buf)
{
    BUG_ON(buf->len_bytes > buf->size_bytes);
    BUG_ON(buf->head != 0 && buf->head >= buf->size_bytes);
    BUG_ON(buf->len_bytes == 0 && buf->head != 0);
}
