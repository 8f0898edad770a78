/*
 * core/net/addr_test.c - addresses print as they are read, and nothing else is read.
 */
#include "core/net/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const good[] = {
    "10.0.0.1:80",      "0.0.0.0:1", "255.255.255.255:65535",   "[::1]:80",
    "[fd00::12:3]:443", "[::]:9",    "[1:2:3:4:5:6:7:8]:65535",
};

static void what_is_read_prints_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char text[ADDR_TEXT_BYTES];
        struct sockaddr_storage socket;
        struct addr addr;
        struct addr again;
        assert_true(addr_parse(&addr, good[i], strlen(good[i])));
        assert_string_equal(addr_print(&addr, text), good[i]);
        assert_true(addr_to_socket(&addr, &socket) > 0);
        assert_true(addr_from_socket(&again, &socket));
        assert_true(addr_is_same(&addr, &again));
        for (size_t k = 0; k < i; k++) {
            assert_true(addr_parse(&again, good[k], strlen(good[k])));
            assert_false(addr_is_same(&addr, &again));
        }
    }
}

static void the_rest_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ":",
        "10.0.0.1",
        "10.0.0.1:",
        "10.0.0.1:0",
        "10.0.0.1:080",
        "10.0.0:80",
        "10.0.0.1:+8",
        "10.0.0.1:8x",
        "10.0.0.256:1",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "[10.0.0.1]:1",
        "[::g]:1",
        "host:80",
        "10.0.0.1:65536",
        "10.0.0.1 :80",
        "[::1]:",
        "[]:80",
        " 10.0.0.1:80",
        "10.0.0.1:80 ",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct addr addr;
        if (addr_parse(&addr, bad[i], strlen(bad[i])))
            fail_msg("'%s' was taken for an address", bad[i]);
    }
    /* Every prefix of a good one, unless it is one itself. */
    for (size_t len = 0; len < strlen("[fd00::12:3]:443") - 2; len++) {
        struct addr addr;
        assert_false(addr_parse(&addr, "[fd00::12:3]:443", len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_prints_the_same),
        cmocka_unit_test(the_rest_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
