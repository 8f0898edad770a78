/*
 * core/proxy/config_test.c - what is accepted reads back from its canonical text; every mistake is
 * shown where it is.
 */
#include "core/proxy/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct config config;
static struct config_error err;

static const char whole[] =
    "# a comment\n"
    "workers 2\n"
    "\tmaxconn 100   # and another\n"
    "listen fe 10.0.0.1:80 h1 maxconn 10 accept-rate 100/1s backlog 7\n"
    "\n"
    "listen fe6 [::1]:8080 h1 worker 1\n"
    "backend app 10.0.1.1:8080 [fd00::1]:81 h1\n"
    "backend img 10.0.1.2:8080 h1\n"
    "listen tls 10.0.0.1:443 auto maxconn 5 tls c.pem k.pem\n"
    "listen h2c 10.0.0.1:81 h2\n"
    "listen ctl 127.0.0.1:9000 control\n"
    "backend api 10.0.2.1:443 10.0.2.2:443 h2 reuse never tls sni a.example "
    "verify /t.pem balance leastconn fall 3 down 7s limit 10 queue 0 "
    "purge 1m idle-max 4\n"
    "backend php 10.0.3.1:9000 fcgi root /srv/www index index.php\n"
    "timeout queue 1s\n"
    "timeout idle 2s\n"
    "streams-max 7\n"
    "buffers 9\n"
    "route fe /img img\n"
    "route fe / app\n"
    "timeout client 1500ms\n"
    "timeout keep-alive 2h\n"
    "buffer-size 4096\n"
    "fd-max 100\n"
    "hard-stop-after 5s\n"
    "accept-ring 3\n"
    "accept-batch 1";

static const char canonical[] = "workers 2\n"
                                "maxconn 100\n"
                                "buffer-size 4096\n"
                                "fd-max 100\n"
                                "buffers 9\n"
                                "streams-max 7\n"
                                "accept-ring 3\n"
                                "accept-batch 1\n"
                                "hard-stop-after 5s\n"
                                "timeout client 1500ms\n"
                                "timeout keep-alive 2h\n"
                                "timeout queue 1s\n"
                                "timeout idle 2s\n"
                                "listen fe 10.0.0.1:80 h1 maxconn 10 backlog 7 accept-rate 100/1s\n"
                                "listen fe6 [::1]:8080 h1 worker 1\n"
                                "listen tls 10.0.0.1:443 auto tls c.pem k.pem maxconn 5\n"
                                "listen h2c 10.0.0.1:81 h2\n"
                                "listen ctl 127.0.0.1:9000 control\n"
                                "backend app 10.0.1.1:8080 [fd00::1]:81 h1\n"
                                "backend img 10.0.1.2:8080 h1\n"
                                "backend api 10.0.2.1:443 10.0.2.2:443 h2 tls verify /t.pem "
                                "sni a.example fall 3 limit 10 down 7s queue 0 idle-max 4 "
                                "purge 1m balance leastconn reuse never\n"
                                "backend php 10.0.3.1:9000 fcgi root /srv/www index index.php\n"
                                "route fe /img img\n"
                                "route fe / app\n";

static void every_directive_prints_what_it_read(void **state)
{
    (void)state;
    char text[2048];
    char again[2048];

    assert_true(config_parse(whole, sizeof(whole) - 1, "t", 1, &config, &err));
    assert_int_equal(config.timeout.client_ns, UINT64_C(1500000000));
    assert_int_equal(config.timeout.server_ns, UINT64_C(30000000000));
    assert_int_equal(config.routes[0].backend_index, 1);
    assert_int_equal(config.listens[0].rate_period_ns, UINT64_C(1000000000));
    assert_int_equal(config.listens[0].kind, CONFIG_LISTEN_H1);
    assert_int_equal(config.listens[2].kind, CONFIG_LISTEN_AUTO);
    assert_string_equal(config.listens[2].key, "k.pem");
    assert_int_equal(config.listens[4].kind, CONFIG_LISTEN_CONTROL);
    assert_int_equal(config.backends[0].reuse, CONFIG_REUSE_SAFE);
    assert_int_equal(config.backends[0].idle_max, UINT32_MAX);
    assert_int_equal(config.backends[2].protocol, CONFIG_H2);
    assert_true(config.backends[2].has_tls);
    assert_int_equal(config.backends[2].down_ns, UINT64_C(7000000000));
    assert_int_equal(config.backends[2].queue, 0);
    assert_int_equal(config.backends[3].protocol, CONFIG_FCGI);
    assert_string_equal(config.backends[3].root, "/srv/www");
    assert_int_equal(config.streams_max, 7);
    assert_int_equal(config.timeout.idle_ns, UINT64_C(2000000000));
    assert_int_equal(config_print(&config, text, sizeof(text)), sizeof(canonical) - 1);
    assert_string_equal(text, canonical);
    assert_true(config_parse(text, strlen(text), "t", 1, &config, &err));
    assert_int_equal(config_print(&config, again, sizeof(again)), strlen(text));
    assert_string_equal(text, again);
    /* Cut at any size it stays text. */
    for (size_t size = 0; size < 40; size++) {
        memset(again, 'x', sizeof(again));
        assert_int_equal(config_print(&config, again, size), sizeof(canonical) - 1);
        if (size > 0)
            assert_int_equal(strlen(again), size - 1);
        assert_int_equal(again[size], 'x');
    }
}

static void a_block_of_a_scenario_is_a_file(void **state)
{
    (void)state;
    static const char text[] = "\n# p\nnode p\n    workers 2\n    listen fe 10.0.0.1:80 h1\n"
                               "    backend app 10.0.1.1:8080 h1\n";
    char out[256];

    assert_true(config_parse(text, sizeof(text) - 1, "t", 1, &config, &err));
    assert_string_equal(config.node, "p");
    (void)config_print(&config, out, sizeof(out));
    assert_string_equal(out, text + 5);
}

#define GOOD "listen a 1.2.3.4:5 h1\nbackend b 1.2.3.4:6 h1\n"

static const struct {
    const char *text;
    const char *want; /* printed error without the "t:" */
} mistakes[] = {
    {"", " the file is empty\n"},
    {"\n", "1:1: nothing to listen on\n"},
    {"listen a 1.2.3.4:5 h1\n", "1:1: no backend\n    listen a 1.2.3.4:5 h1\n    ^\n"},
    {"wrkers 2\n", "1:1: unknown directive 'wrkers'\n    wrkers 2\n    ^\n"},
    {"workers\n", "1:8: missing workers\n    workers\n           ^\n"},
    {"  workers two\n", "1:11: workers is not a number: 'two'\n      workers two\n"
                        "              ^\n"},
    {"workers 65", "1:9: workers must be between 1 and 64\n    workers 65\n            ^\n"},
    {"workers 0", "1:9: workers must be between 1 and 64\n    workers 0\n            ^\n"},
    {"workers -1", "1:9: workers is not a number: '-1'\n    workers -1\n            ^\n"},
    {"workers 99999999999999999999999", "1:9: workers is not a number: '99999999999999999999999'\n"
                                        "    workers 99999999999999999999999\n            ^\n"},
    {"workers 2 3", "1:11: unexpected '3'\n    workers 2 3\n              ^\n"},
    {"workers 2\nworkers 2", "2:1: this was already set\n    workers 2\n    ^\n"},
    {"timeout client 30", "1:16: timeout has no unit (ns us ms s m h)\n    timeout client 30\n"
                          "                   ^\n"},
    {"timeout client 30d", "1:16: timeout is not a duration up to a year: '30d'\n"
                           "    timeout client 30d\n                   ^\n"},
    {"timeout client 0s", "1:16: timeout must be longer than nothing\n    timeout client 0s\n"
                          "                   ^\n"},
    {"timeout client 99999h", "1:16: timeout is not a duration up to a year: '99999h'\n"
                              "    timeout client 99999h\n                   ^\n"},
    {"timeout all 3s",
     "1:9: unknown kind of timeout; there are client server connect request keep-alive queue idle\n"
     "    timeout all 3s\n            ^\n"},
    {"listen a 1.2.3:80 h1",
     "1:10: not an address with a port, as 10.0.0.1:80 or [::1]:80: '1.2.3:80'\n"
     "    listen a 1.2.3:80 h1\n             ^\n"},
    {"listen a 1.2.3.4:80 h3", "1:21: unknown protocol; there are h1 h2 auto control\n"
                               "    listen a 1.2.3.4:80 h3\n                        ^\n"},
    {"listen a 1.2.3.4:80 fcgi", "1:21: unknown protocol; there are h1 h2 auto control\n"
                                 "    listen a 1.2.3.4:80 fcgi\n                        ^\n"},
    {"listen a 1.2.3.4:80", "1:20: missing protocol\n    listen a 1.2.3.4:80\n"
                            "                       ^\n"},
    {"listen a 1.2.3.4:80 h1 tls", "1:27: missing certificate file\n    listen a 1.2.3.4:80 h1 "
                                   "tls\n                              ^\n"},
    {"listen a 1.2.3.4:80 h1 tls c", "1:29: missing key file\n    listen a 1.2.3.4:80 h1 tls c\n"
                                     "                                ^\n"},
    {"listen a 1.2.3.4:80 h1 tls c k tls c k",
     "1:32: this was already set\n    listen a 1.2.3.4:80 h1 tls c k tls c k\n"
     "                                   ^\n"},
    {"listen a 1.2.3.4:80 control tls c k",
     "1:29: a control listener has no TLS\n    listen a 1.2.3.4:80 control tls c k\n"
     "                                ^\n"},
    {"listen a 1.2.3.4:80 h1 reuse always",
     "1:24: unknown option; there are tls maxconn backlog accept-rate worker\n"
     "    listen a 1.2.3.4:80 h1 reuse always\n                           ^\n"},
    {"backend b 1.2.3.4:6 auto", "1:21: unknown protocol; there are h1 h2 fcgi\n"
                                 "    backend b 1.2.3.4:6 auto\n                        ^\n"},
    {"backend b 1.2.3.4:6", "1:20: missing protocol\n    backend b 1.2.3.4:6\n"
                            "                       ^\n"},
    {"backend b 1.2.3.4:6 1.2.3.4:6 h1", "1:21: this server is there already\n"
                                         "    backend b 1.2.3.4:6 1.2.3.4:6 h1\n"
                                         "                        ^\n"},
    {"backend b h1", "1:11: not an address with a port, as 10.0.0.1:80 or [::1]:80: 'h1'\n"
                     "    backend b h1\n              ^\n"},
    {"backend b 1.2.3.4:6 h1 sni a",
     "1:24: 'sni' means nothing without 'tls' before it\n    backend b 1.2.3.4:6 h1 sni a\n"
     "                           ^\n"},
    {"backend b 1.2.3.4:6 h1 verify a",
     "1:24: 'verify' means nothing without 'tls' before it\n    backend b 1.2.3.4:6 h1 verify a\n"
     "                           ^\n"},
    {"backend b 1.2.3.4:6 h1 queue 5",
     "1:24: 'queue' means nothing without 'limit' before it\n    backend b 1.2.3.4:6 h1 queue 5\n"
     "                           ^\n"},
    {"backend b 1.2.3.4:6 h1 down 5s",
     "1:24: 'down' means nothing without 'fall' before it\n    backend b 1.2.3.4:6 h1 down 5s\n"
     "                           ^\n"},
    {"backend b 1.2.3.4:6 h1 root /a", "1:24: 'root' is for fcgi\n"
                                       "    backend b 1.2.3.4:6 h1 root /a\n"
                                       "                           ^\n"},
    {"backend b 1.2.3.4:6 fcgi root a", "1:31: root is a path from '/'\n"
                                        "    backend b 1.2.3.4:6 fcgi root a\n"
                                        "                                  ^\n"},
    {"backend b 1.2.3.4:6 fcgi tls", "1:26: fcgi has no TLS\n    backend b 1.2.3.4:6 fcgi tls\n"
                                     "                             ^\n"},
    {"backend b 1.2.3.4:6 fcgi root /a index a/b",
     "1:40: index is a file's name of at most 63 bytes\n"
     "    backend b 1.2.3.4:6 fcgi root /a index a/b\n"
     "                                           ^\n"},
    {"backend b 1.2.3.4:6 h1 limit 0", "1:30: limit must be between 1 and 1000000\n"
                                       "    backend b 1.2.3.4:6 h1 limit 0\n"
                                       "                                 ^\n"},
    {"backend b 1.2.3.4:6 h1 limit 2 limit 2",
     "1:32: this was already set\n    backend b 1.2.3.4:6 h1 limit 2 limit 2\n"
     "                                   ^\n"},
    {"backend b 1.2.3.4:6 h1 fall 1 down 5", "1:36: down has no unit (ns us ms s m h)\n"
                                             "    backend b 1.2.3.4:6 h1 fall 1 down 5\n"
                                             "                                       ^\n"},
    {"backend b 1.2.3.4:6 h1 balance random",
     "1:32: unknown balance; there are roundrobin leastconn\n"
     "    backend b 1.2.3.4:6 h1 balance random\n                                   ^\n"},
    {"backend b 1.2.3.4:6 h1 reuse often",
     "1:30: unknown reuse policy; there are never safe aggressive always\n"
     "    backend b 1.2.3.4:6 h1 reuse often\n                                 ^\n"},
    {"backend b 1.2.3.4:6 h1 idle-max", "1:32: missing idle-max\n    backend b 1.2.3.4:6 h1 "
                                        "idle-max\n                                   ^\n"},
    {"backend b 1.2.3.4:6 h1 maxconn 3",
     "1:24: unknown option; there are tls verify sni fall limit root index down queue idle-max "
     "purge balance reuse\n    backend b 1.2.3.4:6 h1 maxconn 3\n"
     "                           ^\n"},
    {"buffers 0", "1:9: buffers must be between 1 and 1048576\n    buffers 0\n            ^\n"},
    {"streams-max 10001", "1:13: streams-max must be between 1 and 10000\n"
                          "    streams-max 10001\n                ^\n"},
    {GOOD "listen c 1.2.3.4:7 control\nroute c / b",
     "4:7: 'c' is a control listener: it has no routes\n    route c / b\n          ^\n"},
    {"listen 9a 1.2.3.4:80 h1",
     "1:8: listener's name must be a letter, then letters, digits, '_', '-', '.'\n"
     "    listen 9a 1.2.3.4:80 h1\n           ^\n"},
    {GOOD "backend a 1.2.3.4:5 h1",
     "3:9: the name 'a' is taken\n    backend a 1.2.3.4:5 h1\n            ^\n"},
    {GOOD "listen c 1.2.3.4:5 h1",
     "3:10: 'a' listens on this address\n    listen c 1.2.3.4:5 h1\n             ^\n"},
    {GOOD "route a /x c", "3:12: no backend is named 'c'\n    route a /x c\n               ^\n"},
    {GOOD "route c /x b", "3:7: no listener is named 'c'\n    route c /x b\n          ^\n"},
    {GOOD "route a x b", "3:9: a path prefix begins with '/'\n    route a x b\n            ^\n"},
    {GOOD "route a /x b\nroute a /x b",
     "4:9: there is a route for this prefix\n    route a /x b\n            ^\n"},
    {GOOD "fd-max 16\nworkers 9",
     "4:1: fd-max 16 is too small for 9 workers and 1 listeners\n    workers 9\n    ^\n"},
    {"listen a 1.2.3.4:80 h1 maxconn 1 maxconn 1",
     "1:34: this was already set\n    listen a 1.2.3.4:80 h1 maxconn 1 maxconn 1\n"
     "                                     ^\n"},
    {"listen a 1.2.3.4:80 h1 accept-rate 5",
     "1:36: accept-rate is COUNT/DURATION, as 100/1s\n    listen a 1.2.3.4:80 h1 accept-rate 5\n"
     "                                       ^\n"},
    {"workers 2\r\n", "1:10: carriage return: lines end in LF alone\n    workers 2?\n"
                      "             ^\n"},
    {"# \xff\n", "1:3: byte 0xff is not UTF-8\n    # \xff\n      ^\n"},
    {"# \xed\xa0\x80\n", "1:3: byte 0xed is not UTF-8\n    # \xed\xa0\x80\n      ^\n"},
    {"# \x1b[2J\n", "1:3: control byte 0x1b in the text\n    # ?[2J\n      ^\n"},
    {"node p\nworkers 2\n", "2:1: outside the node's block: indent it\n    workers 2\n    ^\n"},
    {"node p\n  workers 2\nnode q\n",
     "3:1: a second node: one file is one node\n    node q\n    ^\n"},
    {"node\n", "1:5: missing node's name\n    node\n        ^\n"},
};

static void each_mistake_is_shown_at_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        char got[512];
        char want[512];
        const char *text = mistakes[i].text;
        assert_false(config_parse(text, strlen(text), "t", 1, &config, &err));
        (void)config_error_print(&err, got, sizeof(got));
        (void)snprintf(want, sizeof(want), "t:%s", mistakes[i].want);
        /* A caret line is indented like the source line, by four. */
        assert_string_equal(got, want);
    }
}

static void utf8_may_stand_in_a_comment(void **state)
{
    (void)state;
    static const char text[] = GOOD "# \xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82\n";
    assert_true(config_parse(text, sizeof(text) - 1, "t", 1, &config, &err));
}

static void what_is_no_text_is_refused(void **state)
{
    (void)state;
    size_t len = 10 << 20;
    char *big = malloc(len);
    char out[512];

    assert_non_null(big);
    memset(big, 'a', len);
    assert_false(config_parse(big, len, "t", 1, &config, &err));
    (void)config_error_print(&err, out, sizeof(out));
    assert_string_equal(out, "t: the file is longer than 1048576 bytes\n");
    assert_false(config_parse(big, CONFIG_TEXT_BYTES_MAX, "t", 1, &config, &err));
    (void)config_error_print(&err, out, sizeof(out));
    assert_non_null(strstr(out, "t:1:1: line is longer than 4096 bytes\n"));
    free(big);
    assert_false(config_parse("workers 1\0", 10, "t", 1, &config, &err));
    assert_string_equal(err.message, "control byte 0x00 in the text");
    assert_int_equal(err.col, 10);
}

static void a_line_of_a_scenario_keeps_its_place(void **state)
{
    (void)state;
    config_init(&config);
    assert_true(config_parse_line(&config, "workers 3", 9, "s.scn", 7, 5, &err));
    assert_int_equal(config.workers, 3);
    assert_false(config_parse_line(&config, "maxconn x", 9, "s.scn", 8, 5, &err));
    assert_int_equal(err.line, 8);
    assert_int_equal(err.col, 13);
    assert_int_equal(err.caret, 8);
    assert_true(config_is_directive("route", 5));
    assert_false(config_is_directive("rout", 4));
}

static void durations_print_in_the_largest_exact_unit(void **state)
{
    (void)state;
    static const char *const texts[] = {"1ns", "999us", "1ms", "1500ms", "59s", "2m", "25h", "0s"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char out[24];
        uint64_t ns;
        assert_true(config_duration_parse(texts[i], strlen(texts[i]), &ns));
        (void)config_duration_print(ns, out);
        assert_string_equal(out, texts[i]);
    }
}

/* Every prefix of a good file, and every byte of it replaced by each of a few: never anything but a
 * value or an error with a place inside the text. */
static void damaged_files_are_judged_and_nothing_else(void **state)
{
    (void)state;
    static const char bytes[] = {'\0', ' ', '\n', '9', ':', '#', '\xff', '/'};
    char text[sizeof(whole)];

    for (size_t len = 0; len < sizeof(whole); len++) {
        if (!config_parse(whole, len, "t", 1, &config, &err))
            assert_true(err.message[0] != '\0' && err.line <= 26);
    }
    for (size_t at = 0; at + 1 < sizeof(whole); at++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            memcpy(text, whole, sizeof(whole));
            text[at] = bytes[i];
            if (!config_parse(text, sizeof(whole) - 1, "t", 1, &config, &err))
                assert_true(err.message[0] != '\0' && err.line <= 27);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_directive_prints_what_it_read),
        cmocka_unit_test(a_block_of_a_scenario_is_a_file),
        cmocka_unit_test(each_mistake_is_shown_at_its_place),
        cmocka_unit_test(utf8_may_stand_in_a_comment),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(a_line_of_a_scenario_keeps_its_place),
        cmocka_unit_test(durations_print_in_the_largest_exact_unit),
        cmocka_unit_test(damaged_files_are_judged_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
