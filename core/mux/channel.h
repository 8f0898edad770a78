/*
 * core/mux/channel.h - one direction of an exchange: a head, payload, trailers, and how it ends.
 *
 *     writer's mux --> [ head | data ring | trailers | end ] --> reader's mux
 *
 * Bounded: a head waits until it is taken, data until there is room. Writer and reader are streams
 * of two muxes on the same worker; either may be missing (before a server is found; when the proxy
 * answers by itself). They wake each other directly; the exchange in between is told (its tasklet
 * is woken) of what changes its state: a head, an end, a failure, room after nothing.
 *
 * Order: interim heads, the head, data, trailers, CHANNEL_END. CHANNEL_BROKEN may come instead at
 * any time: the message is truncated, and the reader must see to it that its peer can tell.
 *
 * Threads: the exchange's worker.
 */
#ifndef CORE_MUX_CHANNEL_H
#define CORE_MUX_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/http/head.h"
#include "core/mux/buffers.h"

struct stream;
struct tasklet;

/* X(name, bit) of channel.flags. */
#define CHANNEL_FLAGS(X)                                                                           \
    X(HAS_HEAD, 0) /* the head that is not interim was put; data may follow */                     \
    X(END, 1)      /* the writer has put everything */                                             \
    X(BROKEN, 2)   /* the writer will put no more, and it was not everything */                    \
    X(CLOSED, 3)   /* the reader wants no more: what is put is thrown away */

enum {
#define CHANNEL_FLAG_ENUM(name, bit) CHANNEL_##name = 1 << (bit),
    CHANNEL_FLAGS(CHANNEL_FLAG_ENUM)
#undef CHANNEL_FLAG_ENUM
};

struct channel {
    struct buffers *buffers;
    struct pool *heads;
    enum buffer_kind kind; /* BUFFER_UP_DATA or BUFFER_DOWN_DATA */
    struct tasklet *user;  /* the exchange's; NULL once it has gone */
    struct stream *writer; /* NULL: nobody, or the exchange itself */
    struct stream *reader; /* likewise */
    /* Told of each head that is put, before anybody is woken who could take it; NULL: nobody. */
    void (*on_head)(struct channel *channel, const struct http_head *head);
    struct http_head *head;     /* put and not taken */
    struct http_head *trailers; /* likewise */
    struct buf data;            /* storage only while something is in it, or about to be */
    struct buffer_wait wait;    /* the writer's, for that storage */
    bool is_parked; /* the request waits for a slot of a server: nobody takes anything for long */
    uint32_t flags;
    uint64_t moved_bytes; /* taken out so far */
    uint64_t progress_ns; /* when something was last put or taken: the exchange's time-outs */
};

void channel_init(struct channel *channel, struct buffers *buffers, enum buffer_kind kind,
                  struct pool *heads, struct tasklet *user);

/* Gives everything back. Nobody is woken. */
void channel_fini(struct channel *channel);

/*
 * The writer's side
 */

/* May a head be put now? */
bool channel_can_put_head(const struct channel *channel);

/* The head becomes the channel's, which will give it back to the pool `heads`. With head->is_end it
 * ends the message. */
void channel_put_head(struct channel *channel, struct http_head *head);

/* Where payload can be written in place: the first contiguous room, len 0 when there is none. Takes
 * storage if need be; without any, the writer's tasklet `waiter` is woken when it should try again.
 */
struct buf_span channel_room(struct channel *channel, struct tasklet *waiter);

/* The writer has nothing to put just now: storage that holds nothing goes back, for others. To be
 * called before it waits for input. */
void channel_give_room(struct channel *channel);

/* Accounts payload written there, and wakes the reader. */
void channel_fill(struct channel *channel, size_t len_bytes);

/* Copies as much as there is room for; returns how much. A CLOSED channel swallows everything. */
size_t channel_put(struct channel *channel, const void *data, size_t len_bytes,
                   struct tasklet *waiter);

/* Once, after the last data. */
void channel_put_trailers(struct channel *channel, struct http_head *trailers);
void channel_end(struct channel *channel);
void channel_break(struct channel *channel);

/*
 * The reader's side
 */

/* The head, which is the caller's from now on (pool_give() to channel->heads); NULL when none
 * waits. Wakes the writer. */
struct http_head *channel_take_head(struct channel *channel);

/* After the last data only; NULL when there are none. */
struct http_head *channel_take_trailers(struct channel *channel);

/* Payload: the first contiguous piece (len 0: none), and all of it in at most two. */
struct buf_span channel_data(const struct channel *channel);
unsigned channel_spans(const struct channel *channel, struct buf_span spans[2]);

/* Drops what was used, and wakes the writer if it may have waited for room. */
void channel_skip(struct channel *channel, size_t len_bytes);

/* The reader wants no more; what is in it is thrown away. The writer is woken. */
void channel_close(struct channel *channel);

static inline bool channel_has(const struct channel *channel, uint32_t flags)
{
    return (channel->flags & flags) != 0;
}

static inline size_t channel_len(const struct channel *channel)
{
    return buf_len(&channel->data);
}

/* END, and everything was taken. */
bool channel_is_done(const struct channel *channel);

/* Nothing is in it that the reader could take now (an end is not something in it). */
bool channel_is_empty(const struct channel *channel);

void channel_check(const struct channel *channel);

#endif
