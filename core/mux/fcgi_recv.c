#include <string.h>

#include "core/mux/channel.h"
#include "core/mux/fcgi.h"
#include "core/net/conn.h"

/* --- receiving --- */

static void give_if_empty(struct fcgi *fcgi)
{
    if (fcgi->in.area != NULL && buf_is_empty(&fcgi->in))
        buffer_give(&fcgi->mux.env->buffers, BUFFER_DOWN_IN, &fcgi->in);
}

static bool fill(struct fcgi *fcgi)
{
    struct mux *mux = &fcgi->mux;
    struct conn *conn = mux->conn;
    uint32_t before = conn->flags;

    if (conn_has(conn, CONN_WAIT_RECV | CONN_READ_END | CONN_FAILED))
        return false;
    if (fcgi->in.area == NULL &&
        !buffer_take(&mux->env->buffers, BUFFER_DOWN_IN, &fcgi->in, &fcgi->in_wait, mux->tasklet))
        return false;
    if (buf_is_full(&fcgi->in))
        return false;
    size_t got = conn_recv(conn, &fcgi->in);
    if (!buf_is_full(&fcgi->in))
        conn_wait_recv(conn);
    return got > 0 || ((conn->flags ^ before) & (CONN_READ_END | CONN_FAILED)) != 0;
}

/* --- records of a request --- */

/* The response's head is whole. */
static enum stream_error take_head(struct fcgi_stream *s)
{
    struct mux_env *env = s->fcgi->mux.env;
    struct http_head *head = pool_take(&env->heads);

    if (head == NULL)
        return STREAM_ERROR_MEMORY;
    http_head_init(head, env->head_text_bytes, true);
    enum cgi_error error = cgi_parse(head, &s->text, s->is_to_head);
    pool_give(&env->heads, s->raw);
    s->raw = NULL;
    if (error != CGI_OK) {
        MARK("fcgi.bad_head");
        pool_give(&env->heads, head);
        return error == CGI_TOO_LONG ? STREAM_ERROR_TOO_LONG : STREAM_ERROR_PROTOCOL;
    }
    s->has_head = true;
    s->has_no_body = head->is_end;
    s->has_length = head->has_length;
    s->stdout_left = head->length_bytes;
    channel_put_head(s->stream->recv, head);
    return STREAM_ERROR_NONE;
}

static enum stream_error add_to_head(struct fcgi_stream *s, const uint8_t *data, size_t len,
                                     size_t *used)
{
    struct mux_env *env = s->fcgi->mux.env;

    if (s->raw == NULL) {
        s->raw = pool_take(&env->heads);
        if (s->raw == NULL)
            return STREAM_ERROR_MEMORY;
        s->text = (struct cgi_text){.data = s->raw->text, .size = env->head_text_bytes};
    }
    switch (cgi_text_add(&s->text, data, len, used)) {
    case CGI_MORE:
        return STREAM_ERROR_NONE;
    case CGI_DONE:
        return take_head(s);
    case CGI_FULL:
        break;
    }
    MARK("fcgi.head_too_long");
    return STREAM_ERROR_TOO_LONG;
}

static enum stream_error add_to_body(struct fcgi_stream *s, const uint8_t *data, size_t len,
                                     size_t *used)
{
    if (s->has_no_body) {
        *used = len;
        return STREAM_ERROR_NONE;
    }
    if (s->has_length && len > s->stdout_left) {
        MARK("fcgi.body_too_long");
        return STREAM_ERROR_PROTOCOL;
    }
    *used = channel_put(s->stream->recv, data, len, s->fcgi->mux.tasklet);
    if (s->has_length)
        s->stdout_left -= *used;
    return STREAM_ERROR_NONE;
}

/* Takes what it can of the response. */
static enum stream_error on_stdout(struct fcgi_stream *s, const uint8_t *data, size_t len,
                                   size_t *used)
{
    size_t head_len = 0;

    *used = 0;
    if (!s->has_head) {
        /* The 100 of our own must be taken first. */
        if (!channel_can_put_head(s->stream->recv))
            return STREAM_ERROR_NONE;
        enum stream_error error = add_to_head(s, data, len, &head_len);
        *used = head_len;
        if (error != STREAM_ERROR_NONE || head_len == len)
            return error;
    }
    size_t body_len = 0;
    enum stream_error error = add_to_body(s, data + head_len, len - head_len, &body_len);
    *used += body_len;
    return error;
}

static enum stream_error error_of_status(const struct fcgi_stream *s, enum fcgi_status status)
{
    switch (status) {
    case FCGI_CANT_MPX_CONN:
    case FCGI_OVERLOADED:
        MARK("fcgi.refused");
        return s->has_head ? STREAM_ERROR_RESET : STREAM_ERROR_REFUSED;
    case FCGI_REQUEST_COMPLETE:
        if (!s->has_head)
            return STREAM_ERROR_PROTOCOL;
        if (s->has_length && s->stdout_left > 0 && !s->has_no_body)
            return STREAM_ERROR_RESET;
        return STREAM_ERROR_NONE;
    case FCGI_UNKNOWN_ROLE:
        break;
    }
    return STREAM_ERROR_PROTOCOL;
}

/* END_REQUEST. `s` may be freed. */
static void on_end(struct fcgi_stream *s)
{
    struct fcgi *fcgi = s->fcgi;
    uint32_t app_status = 0;
    enum fcgi_status status = fcgi_end_status(fcgi->small, &app_status);

    s->is_over = true;
    /* 3.3: what is left of STDIN is ignored by an application that tells requests apart by their
     * ids. Another may take it for the next one's. */
    if (s->sending != FCGI_SEND_DONE && fcgi->streams_max == 1 && !fcgi->is_closing) {
        fcgi->is_closing = true;
        fcgi_offer(fcgi);
    }
    if (status == FCGI_CANT_MPX_CONN) {
        fcgi->streams_max = 1;
        fcgi_offer(fcgi);
    }
    if (s->stream == NULL) {
        fcgi_stream_fail(s, STREAM_ERROR_RESET);
        return;
    }
    enum stream_error error = error_of_status(s, status);
    if (error != STREAM_ERROR_NONE) {
        fcgi_stream_fail(s, error);
        return;
    }
    if (!s->has_no_body)
        channel_end(s->stream->recv);
    if (s->sending != FCGI_SEND_DONE) {
        MARK("fcgi.end_before_stdin");
        fcgi_stream_stop_sending(s);
    }
}

/* --- records --- */

static void on_values(struct fcgi *fcgi)
{
    struct fcgi_values values;

    fcgi_get_values(&values, fcgi->small, fcgi->small_len);
    if (!values.is_multiplexing)
        return;
    MARK("fcgi.multiplexing");
    fcgi->streams_max = fcgi->mux.env->streams_max;
    if (values.requests_max > 0 && values.requests_max < fcgi->streams_max)
        fcgi->streams_max = values.requests_max;
    fcgi_offer(fcgi);
}

static struct fcgi_stream *find(struct fcgi *fcgi, uint16_t id)
{
    struct list *link;

    LIST_EACH(link, &fcgi->streams)
    {
        struct fcgi_stream *s = LIST_ENTRY(link, struct fcgi_stream, link);
        if (s->id == id && s->is_begun && !s->is_over)
            return s;
    }
    return NULL;
}

static enum stream_error on_record(struct fcgi *fcgi)
{
    const struct fcgi_record *record = &fcgi->reader.record;

    fcgi->target = NULL;
    fcgi->small_len = 0;
    if (record->id == 0)
        return STREAM_ERROR_NONE;
    fcgi->target = find(fcgi, record->id);
    if (fcgi->target == NULL) {
        MARK("fcgi.unknown_id");
        return STREAM_ERROR_PROTOCOL;
    }
    fcgi->target->has_answer = true;
    if (record->type == FCGI_END_REQUEST && record->content_len != FCGI_BODY_BYTES)
        return STREAM_ERROR_PROTOCOL;
    return STREAM_ERROR_NONE;
}

static void keep_small(struct fcgi *fcgi, const uint8_t *data, size_t len)
{
    size_t room = sizeof(fcgi->small) - fcgi->small_len;

    len = len < room ? len : room;
    memcpy(fcgi->small + fcgi->small_len, data, len);
    fcgi->small_len += (uint16_t)len;
}

/* Takes `*used` of the record's content. */
static void on_content(struct fcgi *fcgi, const uint8_t *data, size_t len, size_t *used)
{
    struct fcgi_stream *s = fcgi->target;
    uint8_t type = fcgi->reader.record.type;

    *used = len;
    if (type == FCGI_END_REQUEST || type == FCGI_GET_VALUES_RESULT) {
        keep_small(fcgi, data, len);
    } else if (type == FCGI_STDERR) {
        MARK("fcgi.stderr");
        fcgi->stderr_bytes += len;
    } else if (type == FCGI_STDOUT && s != NULL && s->stream != NULL) {
        enum stream_error error = on_stdout(s, data, len, used);
        if (error != STREAM_ERROR_NONE) {
            *used = len;
            fcgi_stream_fail(s, error);
        }
    }
}

static void on_record_end(struct fcgi *fcgi)
{
    struct fcgi_stream *s = fcgi->target;
    uint8_t type = fcgi->reader.record.type;

    fcgi->target = NULL;
    if (type == FCGI_END_REQUEST && s != NULL)
        on_end(s);
    else if (type == FCGI_GET_VALUES_RESULT)
        on_values(fcgi);
}

/* One event of what was received; false when there is no more. */
static bool step(struct fcgi *fcgi, enum stream_error *error)
{
    struct buf_span span = {NULL, 0};
    size_t used = 0;

    if (fcgi->in.area != NULL)
        span = buf_data_span(&fcgi->in);
    switch (fcgi_read(&fcgi->reader, span.data, span.len_bytes, &used)) {
    case FCGI_MORE:
        if (used > 0)
            buf_skip(&fcgi->in, used);
        return used > 0;
    case FCGI_HEAD:
        buf_skip(&fcgi->in, used);
        *error = on_record(fcgi);
        return *error == STREAM_ERROR_NONE;
    case FCGI_CONTENT:
        BUG_ON(span.data == NULL);
        on_content(fcgi, span.data, used, &used);
        fcgi_read_content(&fcgi->reader, used);
        buf_skip(&fcgi->in, used);
        fcgi->is_stopped = used == 0;
        return !fcgi->is_stopped;
    case FCGI_END:
        if (used > 0)
            buf_skip(&fcgi->in, used);
        on_record_end(fcgi);
        return true;
    case FCGI_BAD:
        break;
    }
    MARK("fcgi.bad_record");
    *error = STREAM_ERROR_PROTOCOL;
    return false;
}

bool fcgi_recv_pump(struct fcgi *fcgi, enum stream_error *error)
{
    bool has_moved = fill(fcgi);

    fcgi->is_stopped = false;
    while (step(fcgi, error))
        has_moved = true;
    give_if_empty(fcgi);
    return has_moved;
}
