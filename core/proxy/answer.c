#include "core/proxy/answer.h"

#include <stdio.h>
#include <string.h>

#include "core/http/h1_put.h"
#include "core/proxy/control.h"
#include "core/proxy/exchange.h"
#include "core/proxy/proxy.h"

enum { ANSWER_BYTES = 64 };

static const char content_type[] = "content-type";
static const char text_plain[] = "text/plain";

/* "503 Service Unavailable\n" */
static size_t print_text(unsigned status, char out[ANSWER_BYTES])
{
    return (size_t)snprintf(out, ANSWER_BYTES, "%u %s\n", status, h1_reason(status));
}

/* Nothing of what the server may have begun to say remains, and nobody reads the request. */
static void take_over(struct exchange *exchange)
{
    exchange_drop_back(exchange);
    if (!channel_has(&exchange->up, CHANNEL_CLOSED))
        channel_close(&exchange->up);
    pool_give(exchange->down.heads, exchange->down.head);
    exchange->down.head = NULL;
}

static struct http_head *make_head(struct exchange *exchange, unsigned status)
{
    struct mux_env *env = &exchange->proxy->env;
    struct http_head *head = pool_take(&env->heads);

    if (head == NULL)
        return NULL;
    http_head_init(head, env->head_text_bytes, true);
    head->status = (uint16_t)status;
    head->is_end = exchange->is_head;
    if (http_head_add(head, content_type, sizeof(content_type) - 1, text_plain,
                      sizeof(text_plain) - 1))
        return head;
    pool_give(&env->heads, head);
    return NULL;
}

static void begin(struct exchange *exchange, unsigned status, bool is_list)
{
    char text[ANSWER_BYTES];

    take_over(exchange);
    struct http_head *head = make_head(exchange, status);
    if (head == NULL || channel_has(&exchange->down, CHANNEL_BROKEN | CHANNEL_HAS_HEAD)) {
        pool_give(&exchange->proxy->env.heads, head);
        exchange_move(exchange, EXCHANGE_DONE);
        return;
    }
    if (!is_list) {
        head->has_length = true;
        head->length_bytes = print_text(status, text);
    }
    exchange->answer.status = status;
    exchange->answer.is_list = is_list;
    exchange_move(exchange, EXCHANGE_ANSWER);
    channel_put_head(&exchange->down, head);
}

void answer_begin(struct exchange *exchange, unsigned status)
{
    MARK("exchange.answer");
    begin(exchange, status, false);
}

void answer_begin_list(struct exchange *exchange)
{
    begin(exchange, 200, true);
}

/* Whole or not at all: what it says may be other numbers the next time. */
static bool put_whole(struct exchange *exchange, const char *text, size_t len)
{
    struct channel *down = &exchange->down;

    if (!channel_has(down, CHANNEL_CLOSED)) {
        (void)channel_room(down, exchange->tasklet);
        if (down->data.area == NULL || buf_room(&down->data) < len)
            return false;
    }
    size_t put = channel_put(down, text, len, exchange->tasklet);
    BUG_ON(put != len);
    return true;
}

void answer_continue(struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;
    char line[CONTROL_LINE_BYTES];
    char text[ANSWER_BYTES];
    size_t len;

    if (channel_has(&exchange->down, CHANNEL_END)) { /* the head was all */
        exchange_move(exchange, EXCHANGE_LAST);
        return;
    }
    if (!answer->is_list) {
        len = print_text(answer->status, text);
        if (!put_whole(exchange, text, len))
            return;
    }
    while (answer->is_list && (len = control_print_line(exchange->proxy, answer->line, line)) > 0) {
        if (!put_whole(exchange, line, len))
            return;
        answer->line++;
    }
    channel_end(&exchange->down);
    exchange_move(exchange, EXCHANGE_LAST);
}
