#include "core/mux/testing_exchange.h"

#include <stdlib.h>
#include <string.h>

#include "core/mux/testing.h"
#include "core/rt/task.h"
#include "core/rt/worker.h"

/* --- what comes --- */

static void record(struct testing_exchange *exchange, const struct buf_span *span)
{
    size_t len = span->len_bytes;

    exchange->body_bytes += len;
    if (exchange->is_counting)
        return;
    if (exchange->body_len + len + 1 > exchange->body_size) {
        exchange->body_size = (exchange->body_len + len + 1) * 2;
        exchange->body = realloc(exchange->body, exchange->body_size);
        BUG_ON(exchange->body == NULL);
    }
    memcpy(exchange->body + exchange->body_len, span->data, len);
    exchange->body_len += len;
    exchange->body[exchange->body_len] = '\0';
}

static void take(struct testing_exchange *exchange)
{
    struct channel *recv = &exchange->recv;
    struct http_head *head = channel_take_head(recv);

    if (head != NULL) {
        BUG_ON(exchange->heads_count == TESTING_HEADS_MAX);
        exchange->heads[exchange->heads_count++] = head;
    }
    for (;;) {
        struct buf_span span = channel_data(recv);
        if (exchange->is_holding || span.len_bytes == 0)
            break;
        record(exchange, &span);
        channel_skip(recv, span.len_bytes);
    }
    if (exchange->trailers == NULL)
        exchange->trailers = channel_take_trailers(recv);
    exchange->is_ended = channel_is_done(recv);
    exchange->is_broken = channel_has(recv, CHANNEL_BROKEN);
}

/* --- what goes --- */

static size_t put_piece(struct testing_exchange *exchange)
{
    char pattern[4096];
    size_t len =
        exchange->data_left < sizeof(pattern) ? (size_t)exchange->data_left : sizeof(pattern);
    const char *data = exchange->data;

    if (data == NULL) {
        memset(pattern, 'x', len);
        data = pattern;
    }
    size_t done = channel_put(&exchange->send, data, len, exchange->tasklet);
    if (exchange->data != NULL)
        exchange->data += done;
    exchange->data_left -= done;
    return done;
}

static void give(struct testing_exchange *exchange)
{
    struct channel *send = &exchange->send;

    if (!channel_has(send, CHANNEL_HAS_HEAD) || channel_has(send, CHANNEL_END | CHANNEL_BROKEN))
        return;
    while (exchange->data_left > 0) {
        if (put_piece(exchange) == 0)
            return;
    }
    if (!exchange->has_end)
        return;
    if (exchange->last != NULL)
        channel_put_trailers(send, exchange->last);
    else
        channel_end(send);
    exchange->last = NULL;
}

static uint64_t sum_of(const struct testing_exchange *exchange)
{
    return exchange->heads_count + exchange->body_bytes + exchange->is_ended + exchange->is_broken +
           (exchange->trailers != NULL) + exchange->send.flags - exchange->data_left;
}

static bool pump(struct testing_exchange *exchange)
{
    uint64_t before = sum_of(exchange);

    take(exchange);
    give(exchange);
    return sum_of(exchange) != before;
}

bool testing_exchanges_pump(struct testing *testing)
{
    int before = testing->worker;
    bool has_moved = false;
    struct list *link;

    LIST_EACH(link, &testing->exchanges)
    {
        struct testing_exchange *exchange = LIST_ENTRY(link, struct testing_exchange, link);
        testing_on(testing, exchange->worker);
        has_moved |= pump(exchange);
    }
    testing_on(testing, before);
    return has_moved;
}

static struct tasklet *process(struct tasklet *tasklet, void *ctx, uint32_t state)
{
    struct testing_exchange *exchange = ctx;

    (void)state;
    exchange->runs++;
    (void)pump(exchange);
    return tasklet;
}

/* --- life --- */

struct testing_exchange *testing_exchange_new(struct testing *testing)
{
    struct testing_exchange *exchange = calloc(1, sizeof(*exchange));

    BUG_ON(exchange == NULL);
    exchange->testing = testing;
    exchange->worker = testing->worker;
    exchange->tasklet = tasklet_new_on(testing->rt, worker_id(), process, exchange);
    BUG_ON(exchange->tasklet == NULL);
    struct mux_env *env = &testing->env;
    channel_init(&exchange->recv, &env->buffers, BUFFER_UP_DATA, &env->heads, exchange->tasklet);
    channel_init(&exchange->send, &env->buffers, BUFFER_DOWN_DATA, &env->heads, exchange->tasklet);
    exchange->stream.recv = &exchange->recv;
    exchange->stream.send = &exchange->send;
    exchange->stream.user = exchange->tasklet;
    exchange->recv.writer = &exchange->stream;
    exchange->send.reader = &exchange->stream;
    list_init(&exchange->stream.ready);
    list_push_tail(&testing->exchanges, &exchange->link);
    return exchange;
}

void testing_end(struct testing_exchange *exchange)
{
    struct testing *testing = exchange->testing;
    struct pool *heads = &testing->env.heads;
    int before = testing->worker;

    testing_on(testing, exchange->worker);
    if (exchange->stream.mux != NULL)
        exchange->stream.mux->ops->detach(&exchange->stream);
    channel_check(&exchange->recv);
    channel_check(&exchange->send);
    channel_fini(&exchange->recv);
    channel_fini(&exchange->send);
    for (unsigned i = 0; i < exchange->heads_count; i++)
        pool_give(heads, exchange->heads[i]);
    pool_give(heads, exchange->trailers);
    pool_give(heads, exchange->last);
    pool_give(heads, exchange->head);
    tasklet_free(exchange->tasklet);
    list_unlink(&exchange->link);
    for (unsigned i = 0; i < testing->begun_count; i++) {
        if (testing->begun[i] == exchange)
            testing->begun[i] = NULL;
    }
    free(exchange->body);
    free(exchange);
    testing_on(testing, before);
}

void testing_exchanges_end(struct testing *testing)
{
    while (!list_is_empty(&testing->exchanges))
        testing_end(LIST_ENTRY(testing->exchanges.next, struct testing_exchange, link));
}

/* --- what the test wants said --- */

struct http_head *testing_head(struct testing *testing, bool is_response)
{
    struct http_head *head = pool_take(&testing->env.heads);

    BUG_ON(head == NULL);
    http_head_init(head, testing->env.head_text_bytes, is_response);
    return head;
}

void testing_add(struct http_head *head, const char *name, const char *value)
{
    BUG_ON(!http_head_add(head, name, strlen(name), value, strlen(value)));
}

void testing_put_head(struct testing_exchange *exchange, struct http_head *head)
{
    channel_put_head(&exchange->send, head);
}

void testing_put(struct testing_exchange *exchange, const char *data, uint64_t len)
{
    BUG_ON(exchange->data_left > 0);
    exchange->data = data;
    exchange->data_left = len;
    (void)pump(exchange);
}

void testing_put_end(struct testing_exchange *exchange, struct http_head *trailers)
{
    exchange->has_end = true;
    exchange->last = trailers;
    (void)pump(exchange);
}

void testing_answer(struct testing_exchange *exchange, unsigned status, const char *data,
                    uint64_t len, bool has_length)
{
    struct http_head *head = testing_head(exchange->testing, true);

    head->status = (uint16_t)status;
    head->has_length = has_length;
    head->length_bytes = has_length ? len : 0;
    head->is_end = has_length && len == 0;
    testing_put_head(exchange, head);
    if (head->is_end)
        return;
    testing_put(exchange, data, len);
    testing_put_end(exchange, NULL);
}

struct testing_exchange *testing_ask(struct testing *testing, const char *method, const char *path,
                                     const char *fields)
{
    struct testing_exchange *exchange = testing_exchange_new(testing);
    struct http_head *head = testing_head(testing, false);

    BUG_ON(!http_head_set_method(head, method, strlen(method)));
    BUG_ON(!http_head_set(head, &head->path, path, strlen(path)));
    BUG_ON(!http_head_set(head, &head->scheme, "http", 4));
    BUG_ON(!http_head_set(head, &head->authority, "a", 1));
    while (fields != NULL && *fields != '\0') {
        const char *colon = strchr(fields, ':');
        const char *end = strchr(fields, '\n');
        BUG_ON(colon == NULL || end == NULL || end < colon + 2);
        BUG_ON(!http_head_add(head, fields, (size_t)(colon - fields), colon + 2,
                              (size_t)(end - colon - 2)));
        fields = end + 1;
    }
    exchange->head = head;
    return exchange;
}

void testing_ask_end(struct testing_exchange *exchange)
{
    struct http_head *head = exchange->head;

    exchange->head = NULL;
    head->is_end = true;
    testing_put_head(exchange, head);
}

void testing_ask_body(struct testing_exchange *exchange, const char *data, uint64_t len,
                      bool has_length)
{
    struct http_head *head = exchange->head;

    exchange->head = NULL;
    head->has_length = has_length;
    head->length_bytes = has_length ? len : 0;
    testing_put_head(exchange, head);
    testing_put(exchange, data, len);
}

const char *testing_text(const struct http_head *head, struct http_slice slice)
{
    static char text[65536];

    BUG_ON(slice.len >= sizeof(text));
    memcpy(text, http_head_text(head, slice), slice.len);
    text[slice.len] = '\0';
    return text;
}

const char *testing_field(const struct http_head *head, const char *name)
{
    const struct http_field *field = http_head_find(head, name);

    return field != NULL ? testing_text(head, field->value) : NULL;
}
