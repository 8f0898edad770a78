#include "core/mux/channel.h"

#include <string.h>

#include "core/mux/mux.h"
#include "core/rt/worker.h"

void channel_init(struct channel *channel, struct buffers *buffers, enum buffer_kind kind,
                  struct pool *heads, struct tasklet *user)
{
    memset(channel, 0, sizeof(*channel));
    channel->buffers = buffers;
    channel->kind = kind;
    channel->heads = heads;
    channel->user = user;
    channel->progress_ns = worker_now_ns();
}

/* What was put and not taken. */
static void drop_content(struct channel *channel)
{
    buffer_wait_cancel(channel->buffers, &channel->wait);
    buffer_give(channel->buffers, channel->kind, &channel->data);
    pool_give(channel->heads, channel->head);
    channel->head = NULL;
    pool_give(channel->heads, channel->trailers);
    channel->trailers = NULL;
}

void channel_fini(struct channel *channel)
{
    drop_content(channel);
    channel->user = NULL;
    channel->writer = NULL;
    channel->reader = NULL;
}

static void tell_user(struct channel *channel)
{
    if (channel->user != NULL)
        tasklet_wakeup(channel->user);
}

/* Something moved. */
static void note_progress(struct channel *channel)
{
    channel->progress_ns = worker_now_ns();
}

/* --- the writer's side --- */

bool channel_can_put_head(const struct channel *channel)
{
    return channel->head == NULL &&
           !channel_has(channel, CHANNEL_HAS_HEAD | CHANNEL_END | CHANNEL_BROKEN);
}

void channel_put_head(struct channel *channel, struct http_head *head)
{
    BUG_ON(!channel_can_put_head(channel));
    if (channel->on_head != NULL)
        channel->on_head(channel, head);
    if (!http_head_is_interim(head)) {
        channel->flags |= CHANNEL_HAS_HEAD;
        if (head->is_end)
            channel->flags |= CHANNEL_END;
    }
    if (channel_has(channel, CHANNEL_CLOSED))
        pool_give(channel->heads, head);
    else
        channel->head = head;
    note_progress(channel);
    tell_user(channel);
    stream_ready(channel->reader);
}

/* May payload be put? Asking for room after the end is the writer's mistake. */
static void check_can_fill(const struct channel *channel)
{
    BUG_ON(!channel_has(channel, CHANNEL_HAS_HEAD));
    BUG_ON(channel_has(channel, CHANNEL_END | CHANNEL_BROKEN));
}

struct buf_span channel_room(struct channel *channel, struct tasklet *waiter)
{
    struct buf_span none = {NULL, 0};

    check_can_fill(channel);
    if (channel_has(channel, CHANNEL_CLOSED))
        return none;
    channel->wait.has_server = channel->kind == BUFFER_UP_DATA && channel->reader != NULL;
    if (channel->data.area == NULL &&
        !buffer_take(channel->buffers, channel->kind, &channel->data, &channel->wait, waiter))
        return none;
    return buf_room_span(&channel->data);
}

void channel_fill(struct channel *channel, size_t len_bytes)
{
    check_can_fill(channel);
    if (len_bytes == 0)
        return;
    buf_fill(&channel->data, len_bytes);
    note_progress(channel);
    stream_ready(channel->reader);
}

size_t channel_put(struct channel *channel, const void *data, size_t len_bytes,
                   struct tasklet *waiter)
{
    const char *bytes = data;
    size_t sum = 0;

    check_can_fill(channel);
    if (channel_has(channel, CHANNEL_CLOSED))
        return len_bytes;
    /* Twice: the room of a ring is in at most two pieces. */
    for (int i = 0; i < 2 && sum < len_bytes; i++) {
        struct buf_span room = channel_room(channel, waiter);
        size_t len = len_bytes - sum < room.len_bytes ? len_bytes - sum : room.len_bytes;
        if (len == 0)
            break;
        memcpy(room.data, bytes + sum, len);
        channel_fill(channel, len);
        sum += len;
    }
    return sum;
}

void channel_give_room(struct channel *channel)
{
    buffer_wait_cancel(channel->buffers, &channel->wait);
    if (channel->data.area != NULL && buf_is_empty(&channel->data))
        buffer_give(channel->buffers, channel->kind, &channel->data);
}

void channel_put_trailers(struct channel *channel, struct http_head *trailers)
{
    check_can_fill(channel);
    BUG_ON(channel->trailers != NULL);
    if (channel_has(channel, CHANNEL_CLOSED))
        pool_give(channel->heads, trailers);
    else
        channel->trailers = trailers;
    channel_end(channel);
}

void channel_end(struct channel *channel)
{
    check_can_fill(channel);
    channel->flags |= CHANNEL_END;
    channel_give_room(channel);
    note_progress(channel);
    tell_user(channel);
    stream_ready(channel->reader);
}

void channel_break(struct channel *channel)
{
    BUG_ON(channel_has(channel, CHANNEL_END | CHANNEL_BROKEN));
    channel->flags |= CHANNEL_BROKEN;
    channel_give_room(channel);
    tell_user(channel);
    stream_ready(channel->reader);
}

/* --- the reader's side --- */

struct http_head *channel_take_head(struct channel *channel)
{
    struct http_head *head = channel->head;

    if (head == NULL)
        return NULL;
    channel->head = NULL;
    note_progress(channel);
    /* Only after an interim head may another one wait to be put. */
    if (!channel_has(channel, CHANNEL_HAS_HEAD))
        stream_ready(channel->writer);
    return head;
}

struct http_head *channel_take_trailers(struct channel *channel)
{
    struct http_head *trailers = channel->trailers;

    if (channel->head != NULL || channel_len(channel) > 0)
        return NULL;
    channel->trailers = NULL;
    return trailers;
}

struct buf_span channel_data(const struct channel *channel)
{
    if (channel->data.area == NULL)
        return (struct buf_span){NULL, 0};
    return buf_data_span(&channel->data);
}

unsigned channel_spans(const struct channel *channel, struct buf_span spans[2])
{
    spans[0] = channel_data(channel);
    if (spans[0].len_bytes == 0)
        return 0;
    if (spans[0].len_bytes == channel_len(channel))
        return 1;
    spans[1] = (struct buf_span){channel->data.area, channel_len(channel) - spans[0].len_bytes};
    return 2;
}

void channel_skip(struct channel *channel, size_t len_bytes)
{
    if (len_bytes == 0)
        return;
    buf_skip(&channel->data, len_bytes);
    channel->moved_bytes += len_bytes;
    if (buf_is_empty(&channel->data))
        buffer_give(channel->buffers, channel->kind, &channel->data);
    note_progress(channel);
    if (channel_has(channel, CHANNEL_END | CHANNEL_BROKEN))
        return;
    stream_ready(channel->writer);
    if (channel->writer == NULL)
        tell_user(channel); /* it writes by itself */
}

void channel_close(struct channel *channel)
{
    if (channel_has(channel, CHANNEL_CLOSED))
        return;
    channel->flags |= CHANNEL_CLOSED;
    drop_content(channel);
    tell_user(channel);
    stream_ready(channel->writer);
}

bool channel_is_empty(const struct channel *channel)
{
    return channel->head == NULL && channel_len(channel) == 0 && channel->trailers == NULL;
}

bool channel_is_done(const struct channel *channel)
{
    return channel_has(channel, CHANNEL_END) && channel_is_empty(channel);
}

void channel_check(const struct channel *channel)
{
    if (channel->data.area != NULL)
        buf_check(&channel->data);
    BUG_ON(channel_has(channel, CHANNEL_END) && channel_has(channel, CHANNEL_BROKEN));
    BUG_ON(channel_len(channel) > 0 && !channel_has(channel, CHANNEL_HAS_HEAD));
    BUG_ON(channel->trailers != NULL && !channel_has(channel, CHANNEL_END));
    BUG_ON(channel_has(channel, CHANNEL_CLOSED) && !channel_is_empty(channel));
    /* Storage that nobody fills or empties would be kept from others. */
    BUG_ON(channel->data.area != NULL && buf_is_empty(&channel->data) &&
           channel_has(channel, CHANNEL_END | CHANNEL_BROKEN));
}
