/*
 * sim/input/errors_test.c - each mistake is reported where it is, in words that help.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"

NORETURN void core_bug(const char *file, int line, const char *func, const char *expr)
{
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, func, expr);
    abort();
}

/* Four lines before the one that is wrong. */
#define ACTORS "node p\n    listen fe 10.0.0.1:80 h1\nclient c1 10.9.0.1\nserver s1 10.0.1.1:80\n"

struct example {
    const char *text;
    const char *errors; /* "line:col: message", one a line */
};

static const struct example examples[] = {
    {"", "0:0: empty scenario"},
    {"# only\n\n", "0:0: empty scenario"},
    {"clint c1 10.9.0.1\n", "1:1: unknown word 'clint'; did you mean 'client'?"},
    {"workers 2\n", "1:1: unknown word 'workers'"},
    {"    workers 2\n", "1:5: an indented line belongs to a 'node' above it"},
    {"client c1 10.9.0.1\n    workers 2\n", "2:5: an indented line belongs to a 'node' above it"},
    {"c1 connect 1.2.3.4:5\n", "1:1: unknown word 'c1'"},
    {"node\n", "1:5: 'node': name is missing"},
    {"node 9p\n", "1:6: a name has the letters a-z, digits and '_', a letter first"},
    {"node p q\n", "1:8: 'node': unknown 'q'"},
    {"node link\n", "1:6: 'link' is a word of the language, not a name"},
    {"node end\n", "1:6: 'end' is a word of the language, not a name"},
    {"node p\nclient p 10.0.0.1\n", "2:8: the name 'p' is already taken"},
    {"client c 10.0.0.1 x3\nclient c2 10.0.0.1\n", "2:8: the name 'c2' is already taken"},
    {"client c 10.0.0\n", "1:10: address: '10.0.0' is not an address, as 10.0.0.1 or fd00::1"},
    {"client c 10.0.0.1:80\n",
     "1:10: address: '10.0.0.1:80' is not an address, as 10.0.0.1 or fd00::1"},
    {"client c 10.0.0.1 x0\n", "1:19: xN is out of bounds: x1..256"},
    {"client c 10.0.0.1 x3..2\n", "1:19: xN: the range is backwards"},
    {"client c 10.0.0.1 requests=1\n", "1:28: 'requests' is for clients with 'load'"},
    {"client c 10.0.0.1 load\n", "1:19: a client with 'load' needs to=ADDRESS:PORT"},
    {"client c 10.0.0.1 lod to=1.2.3.4:5\n", "1:19: 'client': unknown 'lod'; did you mean 'load'?"},
    {"client c 10.0.0.1 load to=1.2.3.4:5 to=1.2.3.4:5\n", "1:37: 'to' was already said"},
    {"client c 10.0.0.1 load to=1.2.3.4\n",
     "1:27: to: '1.2.3.4' is not an address and port, as 10.0.0.1:80"},
    {"client c 10.0.0.1 load=1\n", "1:19: 'load' takes no value"},
    {"client c 10.0.0.1 load to\n", "1:24: 'to' needs a value: to=..."},
    {"client c 10.0.0.1 load to=\n", "1:27: a value belongs behind '='"},
    {"client c 10.0.0.1 h3\n", "1:19: 'client': unknown 'h3'; did you mean 'h1'?"},
    {"client c 10.0.0.1 fcgi\n", "1:19: a client speaks h1, h2 or raw"},
    {"client c 10.0.0.1 h1 tls slow=5% short=5% window=5\n", "1:50: 'window' is for 'h2'"},
    {"client c 10.0.0.1 load to=1.2.3.4:5 streams=2\n", "1:45: 'streams' is for 'h2'"},
    {"client c 10.0.0.1 h2 streams=2\n", "1:30: 'streams' is for clients with 'load'"},
    {"server s 10.0.0.1:80 raw tls mpxs\n", "1:30: a raw server does not answer by itself"},
    {"server s 10.0.0.1:80 h2 mpxs\n", "1:25: 'mpxs' is for 'fcgi'"},
    {"server s 10.0.0.1:80 fcgi streams=3\n", "1:35: 'streams' is for 'h2'"},
    {"server s 10.0.0.1:80 tickets=3%\n", "1:30: 'tickets' is for servers with 'tls'"},
    {"client c 10.0.0.1 h2\n+0us c > GET /a close\n", "2:17: h2 has no 'close'"},
    {"client c 10.0.0.1\n+0us c > GET /a open\n", "2:17: h1 has no 'open'"},
    {"client c 10.0.0.1\n..1s c < 200 stream=3\n", "2:21: h1 has no 'stream'"},
    {"client c 10.0.0.1\n+0us c ping\n", "2:1: 'c' does not speak h2: it has no 'ping'"},
    {"client c 10.0.0.1 h2\n+0us c recv 3\n",
     "2:1: 'c' reads messages, not bytes: it has no 'recv'"},
    {"client c 10.0.0.1 h2\n+0us c rst-stream 3 CANCLE\n",
     "2:21: 'rst-stream': unknown 'CANCLE'; did you mean 'CANCEL'?"},
    {"client c 10.0.0.1 h2\n+0us c frame 256 0 0\n", "2:14: type is out of bounds: 0..255"},
    {"client c 10.0.0.1 h2\n..1s c got gaway\n",
     "2:12: frame: unknown 'gaway'; did you mean 'goaway'?"},
    {"server s 10.0.0.1:80 h2\n+0us s stderr \"x\"\n",
     "2:1: 's' does not speak fcgi: it has no 'stderr'"},
    {"server s 10.0.0.1:80 fcgi auto\n+0us s > 200\n", "2:1: 's' is 'auto': it answers by itself"},
    {"server s 10.0.0.1:80 fcgi\n+0us s > 200 stream=1\n", "2:21: fcgi has no 'stream'"},
    {"server s 10.0.0.1\n",
     "1:10: address:port: '10.0.0.1' is not an address and port, as 10.0.0.1:80"},
    {"server s 10.0.0.1:0\n",
     "1:10: address:port: '10.0.0.1:0' is not an address and port, as 10.0.0.1:80"},
    {"server s [::1]:99999\n",
     "1:10: address:port: '[::1]:99999' is not an address and port, as 10.0.0.1:80"},
    {"server s 10.0.0.1:80 raw delay=1ms\n", "1:32: a raw server does not answer by itself"},
    {"server s 10.0.0.1:80 delay=5\n", "1:28: a duration needs a unit: ns us ms s m h"},
    {"server s 10.0.0.1:80 close=5\n", "1:28: close: '5' is not a rate, as 1% or 0..5%"},
    {"server s 10.0.0.1:80 close=101%\n", "1:28: close is out of bounds: 0..100%"},
    {"bound 5\n", "1:7: a duration needs a unit: ns us ms s m h"},
    {"bound 5 ms\n", "1:7: a duration needs a unit: ns us ms s m h"},
    {"bound 1ms..\n", "1:7: duration: '1ms..' is not a duration, as 5ms or 1ms..5ms"},
    {"bound 0s\n", "1:7: duration is out of bounds: 1ns..24h"},
    {"bound 5s\nbound 6s\n", "2:1: 'bound' was already said"},
    {"steps 1.5\n", "1:7: count: '1.5' is not a number, as 5 or 1..5"},
    {"steps -1\n", "1:7: count: '-1' is not a number, as 5 or 1..5"},
    {"steps 18446744073709551616\n",
     "1:7: count: '18446744073709551616' is not a number, as 5 or 1..5"},
    {"plant K99\n", "1:7: there is no planted bug 'K99'"},
    {"expect dedlock\n", "1:8: there is no verdict 'dedlock'; did you mean 'deadlock'?"},
    {"expect deadlock title\n", "1:17: 'expect': unknown 'title'"},
    {"version 2\n", "1:9: version 2 is unknown: this is version 1"},
    {ACTORS "+0us c2 connect 10.0.0.1:80\n",
     "5:6: no actor 'c2' is declared above; did you mean 'c1'?"},
    {ACTORS "+0us c9x9 eof\n", "5:6: no actor 'c9x9' is declared above"},
    {ACTORS "+0us p connect 10.0.0.1:80\n", "5:8: unknown verb of a node 'connect'"},
    {ACTORS "+0us c1 conect 10.0.0.1:80\n",
     "5:9: unknown verb of a client 'conect'; did you mean 'connect'?"},
    {ACTORS "+0us c1\n", "5:8: what 'c1' does is missing"},
    {ACTORS "+0us\n", "5:5: the line ends too early"},
    {ACTORS "+5 c1 eof\n", "5:1: a duration needs a unit: ns us ms s m h"},
    {ACTORS "+0 c1 eof\n", "5:1: a duration needs a unit: ns us ms s m h"},
    {ACTORS "+1ms..2 c1 eof\n", "5:1: a duration needs a unit: ns us ms s m h"},
    {ACTORS "+5ms..1ms c1 eof\n", "5:1: the range is backwards"},
    {ACTORS "+5mss c1 eof\n",
     "5:1: the time of an event is written as +5ms, +0..5ms, ..5ms or @1s"},
    {ACTORS "..1ms..2ms c1 eof\n", "5:1: '..' takes one duration"},
    {ACTORS "..5ms c1 close\n", "5:1: '..' is for expectations: < recv eof rst got"},
    {ACTORS "@5 c1 close\n", "5:1: a duration needs a unit: ns us ms s m h"},
    {ACTORS "+48h c1 close\n", "5:1: longer than a day"},
    {ACTORS "+0us c1 connect\n", "5:16: 'connect': address:port is missing"},
    {ACTORS "+0us c1 connect 10.0.0.1\n",
     "5:17: address:port: '10.0.0.1' is not an address and port, as 10.0.0.1:80"},
    {ACTORS "+0us c1 connect 10.0.0.1:80 now\n", "5:29: 'connect': unknown 'now'"},
    {ACTORS "+0us c1 connect \"x\"\n", "5:17: address:port is written without quotes"},
    {ACTORS "+0us c1 > GET\n", "5:14: '>': /path is missing"},
    {ACTORS "+0us c1 > GET a\n", "5:15: a path begins with '/'"},
    {ACTORS "+0us c1 > GET /a HTTP/2\n", "5:18: '>': unknown 'HTTP/2'; did you mean 'HTTP/1.1'?"},
    {ACTORS "+0us c1 > GET /a body=x\n", "5:23: body: 'x' is not a number, as 5 or 1..5"},
    {ACTORS "+0us c1 > GET /a bdy=1\n", "5:18: '>': unknown 'bdy'; did you mean 'body'?"},
    {ACTORS "+0us c1 > GET /a header=X\n", "5:25: header is written in quotes"},
    {ACTORS "+0us c1 < GET /a\n", "5:11: status: 'GET' is not a number, as 5 or 1..5"},
    {ACTORS "+0us s1 < 200\n", "5:14: '<': /path is missing"},
    {ACTORS "+0us s1 > 99\n", "5:11: status is out of bounds: 100..999"},
    {ACTORS "+0us c1 send\n", "5:13: 'send': bytes is missing"},
    {ACTORS "+0us c1 send abc\n", "5:14: bytes is written in quotes"},
    {ACTORS "+0us c1 send \"abc\n", "5:14: the quote is not closed"},
    {ACTORS "+0us c1 send \"a\\q\"\n",
     "5:16: unknown escape: there are \\r \\n \\t \\0 \\\\ \\\" \\xHH"},
    {ACTORS "+0us c1 send x\"0\"\n", "5:16: here two hexadecimal digits belong"},
    {ACTORS "+0us c1 send x\"zz\"\n", "5:16: here two hexadecimal digits belong"},
    {ACTORS "+0us c1 send \"\"\n", "5:14: bytes: 0 bytes, it takes 1 to 4096"},
    {ACTORS "+0us c1 recv 0\n", "5:14: count is out of bounds: 1..16777216"},
    {ACTORS "+0us c1 eof now\n", "5:13: 'eof': unknown 'now'"},
    {ACTORS "+0us p signal KILLL\n", "5:15: name: unknown 'KILLL'"},
    {ACTORS "+0us p signal USR3\n", "5:15: name: unknown 'USR3'; did you mean 'USR1'?"},
    {ACTORS "+0us s1 accept maybe\n", "5:16: on or off: unknown 'maybe'"},
    {ACTORS "+0us p softstop\n",
     "5:8: unknown verb of a node 'softstop'; did you mean 'soft-stop'?"},
    {ACTORS "link c1\n", "5:6: two actors belong here, as in c1-p"},
    {ACTORS "link c1-\n", "5:6: two actors belong here, as in c1-p"},
    {ACTORS "link c1-q\n", "5:9: no actor 'q' is declared above"},
    {ACTORS "link c1-p loss=1\n", "5:16: loss: '1' is not a rate, as 1% or 0..5%"},
    {ACTORS "link c1-p lost=1%\n", "5:11: 'link': unknown 'lost'; did you mean 'loss'?"},
    {ACTORS "fault accept errno=EMFILE\n", "5:7: a node and a call belong here, as in p.accept"},
    {ACTORS "fault c1.accept errno=EMFILE\n", "5:7: 'c1' is no node"},
    {ACTORS "fault p.accept\n", "5:7: a fault is either errno=NAME or bytes=N"},
    {ACTORS "fault p.alloc errno=ENOMEM\n", "5:7: an allocation fails: it takes no errno or bytes"},
    {ACTORS "fault p.accept errno=EMFIL\n", "5:22: errno: unknown 'EMFIL'; did you mean 'EMFILE'?"},
    {ACTORS "fault p.accept nth=0 errno=EMFILE\n", "5:20: nth is out of bounds: 1..1000000"},
    {ACTORS "+0us skew c1 +2s\n", "5:11: 'c1' is no node"},
    {ACTORS "+0us skew p 2s\n", "5:13: +duration: '2s' is not a shift, as +2s or -5ms"},
    {ACTORS "+0us stall p.w2\n", "5:16: 'stall': duration is missing"},
    {ACTORS "end\n", "5:1: 'end' is followed by 'quiet' or 'any'"},
    {ACTORS "end quit\n", "5:5: unknown word behind 'end': 'quit'; did you mean 'quiet'?"},
    {ACTORS "end quiet\n+0us c1 close\n", "6:1: 'end' is the last event"},
    {ACTORS "end any\nend quiet\n", "6:1: 'end' was already said"},
    {ACTORS "+0us end quiet\n", "5:6: 'end' has no time"},
    {ACTORS "sched w2 -> w0\n", "5:7: thread@N belongs here"},
    {ACTORS "sched w2@17 w0\n", "5:13: '->' belongs here"},
    {ACTORS "sched w2@17 = w0\n", "5:13: '->' belongs here"},
    {ACTORS "pick w2@17 = 1\n", "5:6: thread.class@N belongs here"},
    {ACTORS "pick w2.read@17 = 0\n", "5:19: value is out of bounds: 1..4294967295\n5:6: the draw "
                                     "'read' is unknown to this version: skipped"},
    {ACTORS "sched w2@1 -> w0\nnode q\n", "6:1: this belongs before the recorded part"},
    {ACTORS "prio w2@1\nsched w2@1 -> w0\n", "5:1: unknown word 'prio'"},
    {ACTORS "found seed=12\n", "5:12: seed: '12' is not a hexadecimal number, as 0x1f"},
    {ACTORS "found seed=0x1\nfound seed=0x2\n", "6:1: 'found' was already said"},
    {"client c1 10.9.0.1\n\"x\"\n", "2:1: quoted bytes have no place here"},
    {"client \"c1\" 10.9.0.1\n", "1:8: name is written without quotes"},
    {"= 3\n", "1:1: unknown word '='"},
    {"x=3\n", "1:1: a word belongs here"},
    {"client c1 10.9.0.1 load\n+0us c1 eof\n", "1:20: a client with 'load' needs to=ADDRESS:PORT"},
    {"client c1 10.9.0.1 load to=1.2.3.4:5\n+0us c1 eof\n",
     "2:1: 'c1' has 'load': it runs by itself"},
    {"client c1 10.9.0.1 raw\n+0us c1 > GET /a\n", "2:1: 'c1' is 'raw': it has send and recv"},
    {"client c1 10.9.0.1 raw load to=1.2.3.4:5\n", "1:24: a raw client issues no requests"},
    {"server s1 1.2.3.4:5 auto\n+0us s1 < GET /a\n", "2:1: 's1' is 'auto': it answers by itself"},
    {"node p\x01\n", "1:7: not a text file: control byte 0x01"},
    {"node \xff\n", "1:6: not a text file: invalid UTF-8"},
    {"\xef\xbb\xbfnode p\n", "1:1: begins with a byte order mark: take it away"},
    {"node p\r\n\rclient\n", "2:1: not a text file: control byte 0x0d"},
    {"node\tp  # caf\xc3\xa9 \xc2\x85\n", "1:17: not a text file: invalid UTF-8"},
    {"  # x\n\t+0us c1 eof\n", "2:2: an indented line belongs to a 'node' above it"},
    {"node p\n    listen f\xc3\xa9\n", "2:13: a directive is written in ASCII"},
    {"node p\n    listen \"x\"\n", "2:12: quoted bytes have no place here"},
};

static void report(const char *text, size_t len, struct diagnostics *diag, struct buffer *out)
{
    struct scenario *scenario = NULL;

    diagnostics_init(diag);
    assert_int_equal(scenario_parse(text, len, "f", &scenario, diag), diag->error_count == 0);
    scenario_free(scenario);
    buffer_clear(out);
    buffer_append_text(out, "");
    for (size_t i = 0; i < diag->count; i++)
        buffer_printf(out, "%s%u:%u: %s", i == 0 ? "" : "\n", diag->entries[i].line,
                      diag->entries[i].column, diag->entries[i].message);
}

static void mistakes_are_reported_where_they_are(void **state)
{
    struct diagnostics diag;
    struct buffer errors = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        report(examples[i].text, strlen(examples[i].text), &diag, &errors);
        if (strcmp(errors.data, examples[i].errors) != 0)
            fail_msg("%s\nsays     %s\nand not  %s", examples[i].text, errors.data,
                     examples[i].errors);
    }
    buffer_fini(&errors);
}

/* The same text cut anywhere, and with any byte of it replaced, is refused or read, never more. */
static void damaged_text_does_no_harm(void **state)
{
    static const char whole[] =
        ACTORS "+1ms..2ms c1 > GET /a HTTP/1.1 body=1..2 header=\"X: y\"  # what\n"
               "link c1>p loss=0..1% reorder\nfault p.accept nth=2 errno=EMFILE\nend    quiet\n"
               "found seed=0x1f strategy=pct,d=3\nsched w2@17 -> w0\npick w1.short-read@3 = 2\n";
    static const char odd[] = "\"=#@.x-\n \x01\xff";
    struct diagnostics diag;
    struct buffer errors = {0};
    char text[sizeof(whole)];

    (void)state;
    for (size_t i = 0; i < sizeof(whole); i++) {
        report(whole, i, &diag, &errors);
        for (size_t j = 0; j < sizeof(odd); j++) {
            memcpy(text, whole, sizeof(whole));
            text[i < sizeof(whole) - 1 ? i : 0] = odd[j];
            report(text, sizeof(text) - 1, &diag, &errors);
        }
    }
    buffer_fini(&errors);
}

static void expect_one(const char *text, size_t len, const char *error)
{
    struct diagnostics diag;
    struct buffer errors = {0};

    report(text, len, &diag, &errors);
    assert_string_equal(errors.data, error);
    buffer_fini(&errors);
}

static void files_that_are_no_text_are_refused(void **state)
{
    size_t len = 10 << 20;
    char *text = malloc(len);

    (void)state;
    assert_non_null(text);
    expect_one("node p\n\0x", 9, "2:1: not a text file: a NUL byte");
    memset(text, 'a', len);
    expect_one(text, len, "0:0: a scenario has at most 1048576 bytes");
    expect_one(text, 20000, "1:0: a line has at most 16384 bytes");
    memset(text, '\n', len);
    memcpy(text, "node p", 6);
    expect_one(text, SCENARIO_TEXT_BYTES_MAX + 1, "0:0: a scenario has at most 1048576 bytes");
    free(text);
}

static void bounds_are_errors_with_a_name(void **state)
{
    struct buffer text = {0};
    struct buffer errors = {0};
    struct diagnostics diag;

    (void)state;
    buffer_append_text(&text, "client c 10.0.0.1 x256\n");
    for (int i = 0; i < 65; i++)
        buffer_append_text(&text, "+0us c close\n");
    report(text.data, text.len, &diag, &errors);
    assert_string_equal(errors.data, "66:1: more than 16384 events");

    buffer_clear(&text);
    for (int i = 0; i < 5; i++)
        buffer_printf(&text, "client c%c 10.0.0.1 x256\n", 'a' + i);
    report(text.data, text.len, &diag, &errors);
    assert_string_equal(errors.data, "5:1: more than 1024 actors");

    buffer_clear(&text);
    buffer_append_text(&text, "client c 10.0.0.1\n");
    for (int i = 0; i < 30; i++)
        buffer_append_text(&text, "+0us c clos\n");
    report(text.data, text.len, &diag, &errors);
    assert_int_equal(diag.error_count, 30);
    assert_int_equal(diag.count, DIAGNOSTICS_MAX);

    buffer_clear(&text);
    buffer_append_text(&text, "+0us c");
    for (int i = 0; i < 200; i++)
        buffer_append_text(&text, " a");
    report(text.data, text.len, &diag, &errors);
    assert_string_equal(errors.data, "1:6: more than 128 words in a line");
    buffer_fini(&text);
    buffer_fini(&errors);
}

/* What a person sees: the place, the line, a caret under it, also behind wide and cut lines. */
static void carets_stand_under_the_column(void **state)
{
    static const char text[] = "node p\n\tx\nclient c1 10.9.0.1  \nlink c\xc3\xa9-p\n";
    static const char want[] = "f:2:2: unknown word behind the tab\n     x\n     ^\n"
                               "f:3:8: warning: odd\n    client c1 10.9.0.1  \n           ^\n"
                               "f:4:9: here\n    link c\xc3\xa9-p\n           ^\n"
                               "f: all of it\n";
    struct diagnostics diag;
    char *printed = NULL;
    size_t len = 0;

    (void)state;
    diagnostics_init(&diag);
    diagnostics_begin(&diag, "f", text, sizeof(text) - 1);
    diagnostics_error(&diag, 4, 9, "here");
    diagnostics_error(&diag, 2, 2, "unknown word behind the tab");
    diagnostics_warning(&diag, 3, 8, "odd");
    diagnostics_end(&diag);
    FILE *out = open_memstream(&printed, &len);
    assert_non_null(out);
    diagnostics_print(&diag, out);
    diagnostics_init(&diag);
    diagnostics_begin(&diag, "f", text, sizeof(text) - 1);
    diagnostics_error(&diag, 0, 0, "all of it");
    diagnostics_print(&diag, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(printed, want);
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_reported_where_they_are),
        cmocka_unit_test(damaged_text_does_no_harm),
        cmocka_unit_test(files_that_are_no_text_are_refused),
        cmocka_unit_test(bounds_are_errors_with_a_name),
        cmocka_unit_test(carets_stand_under_the_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
