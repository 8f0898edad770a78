#include "core/mux/fcgi_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/mux/protocols.h"

static const struct testing_options defaults;

void fcgi_bench_init(struct fcgi_bench *bench, const struct testing_options *options)
{
    memset(bench, 0, sizeof(*bench));
    testing_init(&bench->t, options != NULL ? options : &defaults);
    bench->t.server->options.root = "/srv";
    struct conn *conn = testing_connect(&bench->t, &bench->peer);
    assert_int_equal(mux_fcgi_back_new(&bench->t.env, conn, bench->t.server, &bench->mux), 0);
}

void fcgi_bench_fini(struct fcgi_bench *bench)
{
    testing_fini(&bench->t);
}

void fcgi_bench_end_mux(struct fcgi_bench *bench)
{
    bench->mux->ops->destroy(bench->mux);
}

struct testing_exchange *fcgi_bench_get(struct fcgi_bench *bench, const char *path)
{
    struct testing_exchange *exchange = testing_ask(&bench->t, "GET", path, NULL);

    testing_ask_end(exchange);
    assert_int_equal(mux_attach(bench->mux, &exchange->stream), 0);
    testing_run(&bench->t);
    return exchange;
}

struct testing_exchange *fcgi_bench_post(struct fcgi_bench *bench, const char *data, uint64_t len,
                                         bool has_length)
{
    struct testing_exchange *exchange = testing_ask(&bench->t, "POST", "/p.php", NULL);

    testing_ask_body(exchange, data, len, has_length);
    testing_put_end(exchange, NULL);
    assert_int_equal(mux_attach(bench->mux, &exchange->stream), 0);
    testing_run(&bench->t);
    return exchange;
}

/* --- what is heard --- */

static void see(struct fcgi_bench *bench, const char *text, size_t len)
{
    size_t room = sizeof(bench->seen) - 1 - bench->seen_len;

    len = len < room ? len : room;
    memcpy(bench->seen + bench->seen_len, text, len);
    bench->seen_len += len;
    bench->seen[bench->seen_len] = '\0';
}

static void see_record(struct fcgi_bench *bench)
{
    char text[64];
    const struct fcgi_record *record = &bench->reader.record;
    int len = snprintf(text, sizeof(text), "%s %u%s", fcgi_type_name(record->type), record->id,
                       record->content_len > 0 && record->type == FCGI_STDIN ? " " : "");

    see(bench, text, (size_t)len);
}

static void see_content(struct fcgi_bench *bench, const uint8_t *data, size_t len)
{
    if (bench->reader.record.type == FCGI_STDIN)
        see(bench, (const char *)data, len);
    else if (bench->reader.record.type == FCGI_BEGIN_REQUEST)
        see(bench, (data[2] & FCGI_KEEP_CONN) != 0 ? " keep" : " close", 5 + ((data[2] & 1) == 0));
    else if (bench->reader.record.type == FCGI_PARAMS)
        see(bench, " +", 2);
}

const char *fcgi_bench_heard(struct fcgi_bench *bench)
{
    const struct testing_peer *peer = &bench->peer;
    size_t used = 0;

    bench->seen_len = 0;
    bench->seen[0] = '\0';
    (void)testing_heard(&bench->peer);
    size_t len = (size_t)bench->peer.heard_bytes;
    const uint8_t *data = (const uint8_t *)peer->text;
    bench->peer.heard_bytes = 0;
    for (size_t at = 0;; at += used) {
        enum fcgi_event event = fcgi_read(&bench->reader, data + at, len - at, &used);
        assert_int_not_equal(event, FCGI_BAD);
        if (event == FCGI_HEAD) {
            see_record(bench);
        } else if (event == FCGI_CONTENT) {
            see_content(bench, data + at, used);
            fcgi_read_content(&bench->reader, used);
        } else if (event == FCGI_END) {
            see(bench, "\n", 1);
        } else if (at + used == len) {
            return bench->seen;
        }
    }
}

/* --- what is said --- */

static void say(struct fcgi_bench *bench, const struct fcgi_out *out)
{
    assert_false(out->is_overflow);
    testing_say_bytes(&bench->peer, out->data, out->len);
}

void fcgi_bench_say(struct fcgi_bench *bench, enum fcgi_type type, uint16_t id, const char *text)
{
    static uint8_t data[1 << 16];
    struct fcgi_out out = {data, sizeof(data), 0, false};
    struct fcgi_record record = {.type = (uint8_t)type,
                                 .id = id,
                                 .content_len = (uint16_t)strlen(text),
                                 .padding_len = (uint8_t)(strlen(text) % 8)};

    fcgi_put_head(&out, &record);
    fcgi_put(&out, text, strlen(text));
    fcgi_put(&out, "\0\0\0\0\0\0\0", record.padding_len);
    say(bench, &out);
}

void fcgi_bench_say_end(struct fcgi_bench *bench, uint16_t id, enum fcgi_status status)
{
    uint8_t data[16];
    struct fcgi_out out = {data, sizeof(data), 0, false};

    fcgi_put_end(&out, id, 3, status);
    say(bench, &out);
    testing_run(&bench->t);
}

void fcgi_bench_say_values(struct fcgi_bench *bench, const struct fcgi_values *values)
{
    uint8_t data[256];
    struct fcgi_out pairs = {data + FCGI_HEAD_BYTES, sizeof(data) - FCGI_HEAD_BYTES, 0, false};
    struct fcgi_out out = {data, sizeof(data), 0, false};

    fcgi_put_values(&pairs, values);
    struct fcgi_record record = {.type = FCGI_GET_VALUES_RESULT,
                                 .content_len = (uint16_t)pairs.len};
    fcgi_put_head(&out, &record);
    out.len += pairs.len;
    say(bench, &out);
    testing_run(&bench->t);
}

void fcgi_bench_answer(struct fcgi_bench *bench, uint16_t id)
{
    fcgi_bench_say(bench, FCGI_STDOUT, id, FCGI_BENCH_OK);
    fcgi_bench_say(bench, FCGI_STDOUT, id, "");
    fcgi_bench_say_end(bench, id, FCGI_REQUEST_COMPLETE);
}

/* --- idle --- */

bool fcgi_bench_reuse(struct fcgi_bench *bench)
{
    struct idle_want want = {.key = 0, .may_idle = true};
    struct idle_conn *conn = idle_get(bench->t.server, &want);

    if (conn == NULL)
        return false;
    assert_ptr_equal(mux_of_idle(conn), bench->mux);
    return true;
}

void fcgi_bench_make_idle(struct fcgi_bench *bench)
{
    struct testing_exchange *exchange = fcgi_bench_get(bench, "/a.php");

    fcgi_bench_answer(bench, 1);
    assert_true(exchange->is_ended);
    testing_end(exchange);
    testing_run(&bench->t);
    (void)fcgi_bench_heard(bench);
}

void fcgi_bench_make_multiplexing(struct fcgi_bench *bench)
{
    struct fcgi_values values = {.is_multiplexing = true, .requests_max = 2};
    struct testing_exchange *exchange = fcgi_bench_get(bench, "/a.php");

    fcgi_bench_say_values(bench, &values);
    fcgi_bench_answer(bench, 1);
    testing_end(exchange);
    testing_run(&bench->t);
    (void)fcgi_bench_heard(bench);
}
