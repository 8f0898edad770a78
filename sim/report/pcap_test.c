/*
 * sim/report/pcap_test.c - the capture file, byte for byte: checksums, sequence numbers, and that
 * only the last run is in it. No run is made: the scheduler's counters are set.
 */
#include "sim/report/pcap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/input/buffer.h"
#include "sim/kernel/capture.h"
#include "sim/sched/sched.h"

enum { FILE_BYTES = 24, RECORD_BYTES = 16, IP_BYTES = 20, TCP_BYTES = 20 };

_Noreturn void core_bug(const char *file, int line, const char *func, const char *expr);
_Noreturn void core_bug(const char *file, int line, const char *func, const char *expr)
{
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, func, expr);
    abort();
}

static struct sched_head *head(void)
{
    return (struct sched_head *)(void *)&sched;
}

static const struct endpoint client = {.ip = {.bytes = {[10] = 0xff, [11] = 0xff, 10, 9, 0, 1}},
                                       .port = 40000};
static const struct endpoint server = {.ip = {.bytes = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}},
                                       .port = 80};

static void arrive(bool is_back, uint8_t flags, const char *text, bool is_tcp)
{
    const struct capture_packet packet = {.from = is_back ? &server : &client,
                                          .to = is_back ? &client : &server,
                                          .is_tcp = is_tcp,
                                          .flags = flags,
                                          .bytes = text,
                                          .len_bytes = strlen(text)};

    head()->steps++;
    kernel_capture(&packet);
}

static uint32_t get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) << 16 | get16(at + 2);
}

/* The IP header of packet `index`; its length in *len. */
static const uint8_t *packet_at(const struct buffer *out, size_t index, size_t *len)
{
    const uint8_t *bytes = (const uint8_t *)out->data;
    uint32_t len_bytes = 0;
    size_t at = FILE_BYTES;

    for (;; index--) {
        assert_true(at + RECORD_BYTES <= out->len);
        memcpy(&len_bytes, bytes + at + 8, sizeof(len_bytes));
        at += RECORD_BYTES;
        assert_true(at + len_bytes <= out->len);
        if (index == 0)
            break;
        at += len_bytes;
    }
    *len = len_bytes;
    return bytes + at;
}

/* RFC 1071 the slow way: what is right sums up to all ones. */
static uint32_t sum_up(uint32_t sum, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
        if (sum > 0xffff)
            sum = (sum & 0xffff) + 1;
    }
    return sum;
}

static void assert_checksums(const struct buffer *out, size_t index)
{
    size_t len;
    const uint8_t *ip = packet_at(out, index, &len);

    assert_int_equal(ip[0], 0x45);
    assert_int_equal(get16(ip + 2), len);
    assert_int_equal(sum_up(0, ip, IP_BYTES), 0xffff);
    uint32_t sum = sum_up(ip[9], ip + 12, 8);
    sum += (uint32_t)len - IP_BYTES;
    sum = (sum & 0xffff) + (sum >> 16);
    assert_int_equal(sum_up(sum, ip + IP_BYTES, len - IP_BYTES), 0xffff);
}

static void assert_numbers(const struct buffer *out, size_t index, uint32_t sequence,
                           uint32_t acknowledged)
{
    size_t len;
    const uint8_t *tcp = packet_at(out, index, &len) + IP_BYTES;

    assert_int_equal(get32(tcp + 4), sequence);
    assert_int_equal(get32(tcp + 8), acknowledged);
    assert_checksums(out, index);
}

static void test_sequence_numbers_count_bytes_and_ends(void **state)
{
    struct buffer out = {0};

    (void)state;
    head()->steps = 0;
    head()->now_ns = 1000000001;
    pcap_begin(&out);
    arrive(false, CAPTURE_SYN, "", true);
    arrive(true, CAPTURE_SYN | CAPTURE_ACK, "", true);
    arrive(false, CAPTURE_ACK, "odd", true);
    arrive(true, CAPTURE_ACK, "answer", true);
    arrive(false, CAPTURE_FIN | CAPTURE_ACK, "", true);
    arrive(true, CAPTURE_ACK, "", true);
    assert_int_equal(pcap_end(), 6);
    assert_numbers(&out, 0, 0, 0);
    assert_numbers(&out, 1, 0, 1);
    assert_numbers(&out, 2, 1, 1);
    assert_numbers(&out, 3, 1, 4);
    assert_numbers(&out, 4, 4, 7);
    assert_numbers(&out, 5, 7, 5);
    uint32_t fraction_ns;
    memcpy(&fraction_ns, out.data + FILE_BYTES + 4, sizeof(fraction_ns));
    assert_int_equal(fraction_ns, 1);
    buffer_fini(&out);
}

static void test_datagrams_have_checksums_too(void **state)
{
    struct buffer out = {0};

    (void)state;
    head()->steps = 0;
    pcap_begin(&out);
    arrive(false, 0, "", false);
    arrive(true, 0, "seven b", false);
    assert_int_equal(pcap_end(), 2);
    assert_checksums(&out, 0);
    assert_checksums(&out, 1);
    buffer_fini(&out);
}

static void test_only_the_last_run_is_kept(void **state)
{
    struct buffer out = {0};

    (void)state;
    head()->steps = 0;
    pcap_begin(&out);
    arrive(false, CAPTURE_SYN, "", true);
    arrive(false, CAPTURE_ACK, "of the first run", true);
    head()->steps = 0;
    arrive(false, CAPTURE_SYN, "", true);
    arrive(false, CAPTURE_ACK, "second", true);
    assert_int_equal(pcap_end(), 2);
    assert_numbers(&out, 0, 0, 0);
    assert_numbers(&out, 1, 1, 0);
    assert_int_equal(out.len, FILE_BYTES + 2 * (RECORD_BYTES + IP_BYTES + TCP_BYTES) + 6);
    assert_memory_equal(out.data + out.len - 6, "second", 6);
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequence_numbers_count_bytes_and_ends),
        cmocka_unit_test(test_datagrams_have_checksums_too),
        cmocka_unit_test(test_only_the_last_run_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
