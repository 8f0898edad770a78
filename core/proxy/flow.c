#include "core/proxy/flow.h"

#include <string.h>

#include "core/net/conn.h"

void flow_init(struct flow *flow, struct pool *pool)
{
    memset(flow, 0, sizeof(*flow));
    flow->pool = pool;
}

static void release(struct flow *flow, struct buf *buf)
{
    pool_give(flow->pool, buf->area);
    memset(buf, 0, sizeof(*buf));
}

void flow_fini(struct flow *flow)
{
    release(flow, &flow->in);
    release(flow, &flow->head);
    flow->pass_bytes = 0;
}

static bool take_storage(struct flow *flow, struct buf *buf)
{
    void *area = pool_take(flow->pool);

    if (area == NULL)
        return false;
    buf_init(buf, area, flow->pool->size_bytes);
    return true;
}

bool flow_open(struct flow *flow)
{
    return flow->in.area != NULL || take_storage(flow, &flow->in);
}

void flow_next(struct flow *flow)
{
    BUG_ON(flow->pass_bytes != 0 || !buf_is_empty(&flow->head));
    flow->has_body = false;
    flow->is_payload_only = false;
    flow->is_sink_gone = false;
}

struct buf_span flow_text(struct flow *flow)
{
    struct buf_span span = buf_data_span(&flow->in);

    if (span.len_bytes < buf_len(&flow->in)) {
        buf_align(&flow->in);
        span = buf_data_span(&flow->in);
    }
    return span;
}

bool flow_begin_head(struct flow *flow, struct h1_out *out)
{
    if (flow->head.area == NULL && !take_storage(flow, &flow->head))
        return false;
    BUG_ON(!buf_is_empty(&flow->head));
    struct buf_span room = buf_room_span(&flow->head);
    *out = (struct h1_out){(char *)room.data, room.len_bytes, 0, false};
    return true;
}

void flow_end_head(struct flow *flow, const struct h1_out *out)
{
    BUG_ON(out->is_overflow);
    buf_fill(&flow->head, out->len);
}

void flow_begin_body(struct flow *flow, const struct h1_head *head, bool is_payload_only)
{
    buf_skip(&flow->in, head->head_bytes);
    h1_body_init(&flow->body, head);
    flow->has_body = true;
    flow->is_payload_only = is_payload_only;
}

/* The contiguous bytes that follow those already passed. */
static struct buf_span unchecked_span(const struct flow *flow)
{
    const struct buf *in = &flow->in;
    size_t left = buf_len(in) - flow->pass_bytes;
    size_t at = in->head + flow->pass_bytes;

    if (left == 0)
        return (struct buf_span){NULL, 0};
    if (at >= in->size_bytes)
        at -= in->size_bytes;
    size_t whole = in->size_bytes - at;
    return (struct buf_span){in->area + at, left < whole ? left : whole};
}

bool flow_check_body(struct flow *flow)
{
    size_t before = flow->pass_bytes;
    bool has_dropped = false;

    if (!flow->has_body)
        return false;
    for (;;) {
        struct buf_span span = unchecked_span(flow);
        bool is_payload;
        if (span.len_bytes == 0)
            break;
        /* Framing that is dropped must be the first of what is held. */
        bool is_held = flow->is_payload_only && flow->pass_bytes > 0;
        if (is_held && flow->body.state != H1_BODY_CHUNK)
            break;
        size_t took =
            h1_body_step(&flow->body, (const char *)span.data, span.len_bytes, &is_payload);
        if (took == 0)
            break;
        if (flow->is_payload_only && !is_payload) {
            buf_skip(&flow->in, took);
            has_dropped = true;
        } else {
            flow->pass_bytes += took;
        }
        if (flow->body.error != H1_OK)
            break;
    }
    return has_dropped || flow->pass_bytes > before;
}

bool flow_recv(struct flow *flow, struct conn *from)
{
    uint32_t before = from->flags;

    if (buf_is_full(&flow->in))
        return false;
    return conn_recv(from, &flow->in) > 0 || from->flags != before;
}

/* Of a buffer that may have no storage. */
static struct buf_span span_of(const struct buf *buf)
{
    return buf->area != NULL ? buf_data_span(buf) : (struct buf_span){NULL, 0};
}

/* Drops `len` bytes of the head, then of what was passed. */
static void account(struct flow *flow, size_t len)
{
    size_t from_head = len < buf_len(&flow->head) ? len : buf_len(&flow->head);

    if (from_head > 0)
        buf_skip(&flow->head, from_head);
    if (flow->head.area != NULL && buf_is_empty(&flow->head))
        release(flow, &flow->head);
    len -= from_head;
    BUG_ON(len > flow->pass_bytes);
    if (len > 0)
        buf_skip(&flow->in, len);
    flow->pass_bytes -= len;
}

bool flow_send(struct flow *flow, struct conn *to)
{
    uint32_t before = to->flags;
    struct buf_span spans[3] = {span_of(&flow->head), span_of(&flow->in), {NULL, 0}};

    if (flow_is_flushed(flow))
        return false;
    if (spans[1].len_bytes > flow->pass_bytes)
        spans[1].len_bytes = flow->pass_bytes;
    if (spans[1].len_bytes < flow->pass_bytes)
        spans[2] = (struct buf_span){flow->in.area, flow->pass_bytes - spans[1].len_bytes};
    size_t sent = conn_send(to, spans, 3);
    account(flow, sent);
    return sent > 0 || to->flags != before;
}

bool flow_drop(struct flow *flow)
{
    size_t len = buf_len(&flow->head) + flow->pass_bytes;

    account(flow, len);
    return len > 0;
}

bool flow_is_flushed(const struct flow *flow)
{
    return buf_is_empty(&flow->head) && flow->pass_bytes == 0;
}

bool flow_is_done(const struct flow *flow)
{
    return flow->has_body && h1_body_is_done(&flow->body) && flow_is_flushed(flow);
}

void flow_check(const struct flow *flow)
{
    if (flow->in.area != NULL)
        buf_check(&flow->in);
    if (flow->head.area != NULL)
        buf_check(&flow->head);
    BUG_ON(flow->pass_bytes > buf_len(&flow->in));
    BUG_ON(flow->pass_bytes > 0 && !flow->has_body);
}
