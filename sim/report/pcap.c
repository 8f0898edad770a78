/*
 * sim/report/pcap.c - see pcap.h.
 */
#include "sim/report/pcap.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/kernel/capture.h"
#include "sim/sched/sched.h"

enum {
    LINK_TYPE_RAW = 101,
    SNAP_BYTES = 262144,
    IP4_BYTES = 20,
    IP6_BYTES = 40,
    TCP_BYTES = 20,
    UDP_BYTES = 8,
    HEADER_BYTES_MAX = IP6_BYTES + TCP_BYTES,
    TTL = 64,
    WINDOW = 65535,
    PAYLOAD_BYTES_MAX = 65535 - HEADER_BYTES_MAX,
};

/* Simulated time starts here in the file: 2025-01-01T00:00:00Z, as the programs see it. */
#define EPOCH_SECONDS UINT64_C(1735689600)

/* How far one direction of a connection has come. */
struct flow {
    struct flow *next;
    struct endpoint from;
    struct endpoint to;
    uint32_t sequence;
};

static struct {
    struct buffer *out;
    struct flow *flows;
    size_t count;
    size_t header_len;  /* of the file's header in `out` */
    uint64_t last_step; /* of the packet before */
} pcap;

static void put32(struct buffer *out,
                  uint32_t value) /* in the machine's order, as the magic says */
{
    buffer_append(out, &value, sizeof(value));
}

static void set16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void set32(uint8_t *at, uint32_t value)
{
    set16(at, value >> 16);
    set16(at + 2, value & 0xffff);
}

/* RFC 1071. */
static uint32_t sum_words(uint32_t sum, const uint8_t *bytes, size_t len_bytes)
{
    for (size_t i = 0; i + 1 < len_bytes; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    if (len_bytes % 2 != 0)
        sum += (uint32_t)bytes[len_bytes - 1] << 8;
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static bool is_v4(const struct endpoint *endpoint)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(endpoint->ip.bytes, mapped, sizeof(mapped)) == 0;
}

static struct flow *flow_of(const struct endpoint *from, const struct endpoint *to)
{
    for (struct flow *flow = pcap.flows; flow != NULL; flow = flow->next)
        if (endpoint_equal(&flow->from, from) && endpoint_equal(&flow->to, to))
            return flow;
    struct flow *flow = calloc(1, sizeof(*flow));
    if (flow == NULL)
        abort();
    *flow = (struct flow){.next = pcap.flows, .from = *from, .to = *to};
    pcap.flows = flow;
    return flow;
}

/* The header of TCP or UDP at `at`, its checksum left 0. Returns its length. */
static size_t fill_transport(const struct capture_packet *packet, uint8_t *at)
{
    set16(at, packet->from->port);
    set16(at + 2, packet->to->port);
    if (!packet->is_tcp) {
        set16(at + 4, (unsigned)(UDP_BYTES + packet->len_bytes));
        return UDP_BYTES;
    }
    struct flow *flow = flow_of(packet->from, packet->to);
    if ((packet->flags & CAPTURE_SYN) != 0)
        flow->sequence = 0; /* the pair of ports may be used again */
    set32(at + 4, flow->sequence);
    if ((packet->flags & CAPTURE_ACK) != 0)
        set32(at + 8, flow_of(packet->to, packet->from)->sequence);
    at[12] = TCP_BYTES / 4 << 4;
    at[13] = packet->flags;
    set16(at + 14, WINDOW);
    flow->sequence +=
        (uint32_t)packet->len_bytes + ((packet->flags & (CAPTURE_SYN | CAPTURE_FIN)) != 0 ? 1 : 0);
    return TCP_BYTES;
}

static void fill_checksum(const struct capture_packet *packet, bool is_ip4, uint8_t *at,
                          size_t header_bytes)
{
    const size_t skip = is_ip4 ? 12 : 0;
    uint32_t sum = packet->is_tcp ? IPPROTO_TCP : IPPROTO_UDP;

    sum += (uint32_t)(header_bytes + packet->len_bytes);
    sum = sum_words(sum, packet->from->ip.bytes + skip, 16 - skip);
    sum = sum_words(sum, packet->to->ip.bytes + skip, 16 - skip);
    sum = sum_words(sum, at, header_bytes);
    sum = sum_words(sum, packet->bytes, packet->len_bytes);
    sum = ~sum & 0xffff;
    set16(at + (packet->is_tcp ? 16 : 6), sum == 0 && !packet->is_tcp ? 0xffff : sum);
}

static size_t fill_ip(const struct capture_packet *packet, bool is_ip4, uint8_t *at,
                      size_t rest_bytes)
{
    const uint8_t protocol = packet->is_tcp ? IPPROTO_TCP : IPPROTO_UDP;

    if (is_ip4) {
        at[0] = 0x45;
        set16(at + 2, (unsigned)(IP4_BYTES + rest_bytes));
        set16(at + 6, 0x4000); /* not to be fragmented */
        at[8] = TTL;
        at[9] = protocol;
        memcpy(at + 12, packet->from->ip.bytes + 12, 4);
        memcpy(at + 16, packet->to->ip.bytes + 12, 4);
        set16(at + 10, ~sum_words(0, at, IP4_BYTES) & 0xffff);
        return IP4_BYTES;
    }
    at[0] = 0x60;
    set16(at + 4, (unsigned)rest_bytes);
    at[6] = protocol;
    at[7] = TTL;
    memcpy(at + 8, packet->from->ip.bytes, 16);
    memcpy(at + 24, packet->to->ip.bytes, 16);
    return IP6_BYTES;
}

static void write_packet(const struct capture_packet *packet)
{
    const bool is_ip4 = is_v4(packet->from) && is_v4(packet->to);
    const uint64_t now_ns = sched_now_ns();
    uint8_t ip[IP6_BYTES] = {0};
    uint8_t transport[TCP_BYTES] = {0};

    const size_t transport_bytes = fill_transport(packet, transport);
    fill_checksum(packet, is_ip4, transport, transport_bytes);
    const size_t ip_bytes = fill_ip(packet, is_ip4, ip, transport_bytes + packet->len_bytes);
    const uint32_t total = (uint32_t)(ip_bytes + transport_bytes + packet->len_bytes);
    put32(pcap.out, (uint32_t)(EPOCH_SECONDS + now_ns / 1000000000));
    put32(pcap.out, (uint32_t)(now_ns % 1000000000));
    put32(pcap.out, total);
    put32(pcap.out, total);
    buffer_append(pcap.out, ip, ip_bytes);
    buffer_append(pcap.out, transport, transport_bytes);
    buffer_append(pcap.out, packet->bytes, packet->len_bytes);
    pcap.count++;
}

static void forget_flows(void)
{
    while (pcap.flows != NULL) {
        struct flow *flow = pcap.flows;
        pcap.flows = flow->next;
        free(flow);
    }
}

/* A replay may run the dull schedule before its own: only the last run is kept. */
static void note_run(void)
{
    const uint64_t step = sched_step_count();

    if (step < pcap.last_step) {
        forget_flows();
        pcap.out->len = pcap.header_len;
        pcap.count = 0;
    }
    pcap.last_step = step;
}

/* A segment of the simulated network may be larger than a packet: then it is several. */
static void capture(const struct capture_packet *packet)
{
    struct capture_packet part = *packet;
    size_t left = packet->len_bytes;

    sched_bypass_begin();
    note_run();
    do {
        part.len_bytes = left < PAYLOAD_BYTES_MAX ? left : PAYLOAD_BYTES_MAX;
        left -= part.len_bytes;
        write_packet(&part);
        part.bytes = (const uint8_t *)part.bytes + part.len_bytes;
    } while (left > 0);
    sched_bypass_end();
}

void pcap_begin(struct buffer *out)
{
    pcap.out = out;
    pcap.count = 0;
    put32(out, 0xa1b23c4d);
    put32(out, 4 << 16 | 2); /* version 2.4: two halves, the major one first */
    put32(out, 0);
    put32(out, 0);
    put32(out, SNAP_BYTES);
    put32(out, LINK_TYPE_RAW);
    pcap.header_len = out->len;
    pcap.last_step = 0;
    kernel_capture = capture;
}

size_t pcap_end(void)
{
    kernel_capture = NULL;
    forget_flows();
    return pcap.count;
}
