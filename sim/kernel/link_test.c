/*
 * sim/kernel/link_test.c - loss, duplicates, reordering, delay, cuts; UDP over several addresses.
 */
#include "sim/kernel/testing.h"

#include "sim/base/random.h"

enum { DATAGRAMS = 400, SEEDS = 20 };

static int receiver;
static int sender;
static uint32_t received;
static uint32_t repeated;
static uint32_t overtaken;
static struct link_spec spec;

static void open_both(void)
{
    receiver = kernel_socket(testing.a, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sender = kernel_socket(testing.b, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK_EQ(bind_to(testing.a, receiver, "10.0.0.1", 53), 0);
    CHECK_EQ(connect_to(testing.b, sender, "10.0.0.1", 53), 0);
    received = 0;
    repeated = 0;
    overtaken = 0;
    link_set(testing.b->host, testing.a->host, &spec);
}

static void send_all(void)
{
    for (uint32_t i = 0; i < DATAGRAMS; i++)
        CHECK_EQ(kernel_send(testing.b, sender, &i, sizeof(i), 0), sizeof(i));
}

static void receive_all(void)
{
    static bool is_seen[DATAGRAMS];
    uint32_t i;
    uint32_t last = 0;

    memset(is_seen, 0, sizeof(is_seen));
    while (kernel_recv(testing.a, receiver, &i, sizeof(i), 0) == sizeof(i)) {
        received++;
        CHECK(i < DATAGRAMS);
        repeated += is_seen[i];
        overtaken += i < last;
        is_seen[i] = true;
        last = i;
    }
}

static void (*const exchange[])(void) = {open_both, send_all, receive_all, NULL};

static void a_perfect_link_is_perfect(void **state)
{
    (void)state;
    spec = link_spec_default();
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        run_steps(exchange, 100 * MS, seed);
        assert_int_equal(received, DATAGRAMS);
        assert_int_equal(overtaken, 0);
    }
}

static void the_dull_network_is_perfect_whatever_it_may_do(void **state)
{
    (void)state;
    spec = (struct link_spec){
        .delay_ns_min = 1000,
        .delay_ns_max = 5 * MS,
        .loss_ppm = 500000,
        .duplicate_ppm = 500000,
        .reorder_ppm = 500000,
    };
    run_steps(exchange, 100 * MS, 0);
    assert_int_equal(received, DATAGRAMS);
    assert_int_equal(repeated, 0);
    assert_int_equal(overtaken, 0);
}

static void loss_loses_about_its_share(void **state)
{
    uint32_t total = 0;

    (void)state;
    spec = link_spec_default();
    spec.loss_ppm = 250000;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_steps(exchange, 100 * MS, seed);
        total += received;
    }
    assert_in_range(total, SEEDS * DATAGRAMS * 6 / 10, SEEDS * DATAGRAMS * 9 / 10);
    assert_int_equal(repeated, 0);
}

static void duplicates_come_twice(void **state)
{
    uint32_t total = 0;

    (void)state;
    spec = link_spec_default();
    spec.duplicate_ppm = 500000;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_steps(exchange, 100 * MS, seed);
        assert_int_equal(received, DATAGRAMS + repeated);
        total += repeated;
    }
    assert_true(total > SEEDS * DATAGRAMS / 4);
}

static void order_is_kept_unless_asked_otherwise(void **state)
{
    uint32_t total = 0;

    (void)state;
    spec = link_spec_default();
    spec.delay_ns_max = 50 * MS; /* jitter alone does not reorder */
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_steps(exchange, 100 * MS, seed);
        assert_int_equal(overtaken, 0);
    }
    spec.delay_ns_max = spec.delay_ns_min;
    spec.reorder_ppm = 250000;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_steps(exchange, 100 * MS, seed);
        assert_int_equal(received, DATAGRAMS);
        total += overtaken;
    }
    assert_true(total > SEEDS);
}

static void cut(void)
{
    link_cut(testing.b->host, testing.a->host);
    send_all();
}

static void heal(void)
{
    link_heal(testing.b->host, testing.a->host);
}

static void a_cut_link_loses_datagrams(void **state)
{
    static void (*const steps[])(void) = {open_both, cut, heal, receive_all, NULL};

    (void)state;
    spec = link_spec_default();
    run_steps(steps, 100 * MS, 0);
    assert_int_equal(received, 0);
}

static void delay_is_within_its_range(void)
{
    /* The steps are 2 ms apart: sent in the last one. */
    CHECK_EQ(kernel_poll(testing.a, receiver) & EPOLLIN, 0);
}

static void it_has_come(void)
{
    CHECK_EQ(kernel_poll(testing.a, receiver) & EPOLLIN, EPOLLIN);
}

static void delay_delays(void **state)
{
    static void (*const steps[])(void) = {
        open_both, send_all, delay_is_within_its_range, it_has_come, it_has_come, NULL,
    };

    (void)state;
    spec = link_spec_default();
    spec.delay_ns_min = 3 * MS;
    spec.delay_ns_max = 3 * MS;
    run_steps(steps, 2 * MS, 0);
}

/* ---- streams ---- */

static int64_t stream_bytes;
static uint64_t stream_state;
static int served;
static int client;
static int listener;

static void stream_open(void)
{
    link_set(testing.b->host, testing.a->host, &spec);
    link_set(testing.a->host, testing.b->host, &spec);
    listener = listen_at_a(8);
    client = connect_from_b();
    stream_bytes = 0;
    stream_state = 1;
    served = -1;
}

static void stream_accept(void)
{
    served = kernel_accept(testing.a, listener, NULL, NULL, 0);
    CHECK(served >= 0);
}

static void stream_send(void)
{
    uint64_t state = 1;

    for (int i = 0; i < 500; i++) {
        uint8_t byte = (uint8_t)random_next(&state);
        CHECK_EQ(kernel_send(testing.b, client, &byte, 1, 0), 1);
    }
    CHECK_EQ(kernel_shutdown(testing.b, client, SHUT_WR), 0);
}

static void stream_receive(void)
{
    uint8_t byte;

    while (kernel_recv(testing.a, served, &byte, 1, 0) == 1) {
        CHECK_EQ(byte, (uint8_t)random_next(&stream_state));
        stream_bytes++;
    }
    CHECK_EQ(stream_bytes, 500);
    CHECK_EQ(kernel_recv(testing.a, served, &byte, 1, 0), 0);
}

static void a_bad_link_delays_streams_and_nothing_else(void **state)
{
    static void (*const steps[])(void) = {
        stream_open, stream_accept, stream_send, stream_receive, NULL,
    };

    (void)state;
    spec = (struct link_spec){
        .delay_ns_min = 1000,
        .delay_ns_max = 5 * MS,
        .loss_ppm = 100000,
        .duplicate_ppm = 500000,
        .reorder_ppm = 500000,
    };
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        run_steps(steps, 1000 * SECONDS, seed);
}

/* ---- UDP ---- */

static void bind_both_addresses(void)
{
    int on = 1;
    struct sockaddr_in any = at("0.0.0.0", 53);

    receiver = kernel_socket(testing.a, AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(kernel_bind(testing.a, receiver, (struct sockaddr *)&any, sizeof(any)), 0);
    CHECK_EQ(kernel_setsockopt(testing.a, receiver, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)), 0);
    sender = kernel_socket(testing.b, AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(connect_to(testing.b, sender, "10.0.0.2", 53), 0);
    CHECK_EQ(kernel_send(testing.b, sender, "ping", 4, 0), 4);
}

static void answer_from_where_it_was_sent_to(void)
{
    char data[8];
    struct sockaddr_in from;
    _Alignas(struct cmsghdr) char control[64];
    struct iovec part = {.iov_base = data, .iov_len = sizeof(data)};
    struct msghdr message = {
        .msg_name = &from,
        .msg_namelen = sizeof(from),
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    const struct cmsghdr *header = (const struct cmsghdr *)control;
    struct in_pktinfo info;
    struct sockaddr_in expected = at("10.0.0.2", 0);

    CHECK_EQ(kernel_recvmsg(testing.a, receiver, &message, 0), 4);
    CHECK_EQ(header->cmsg_type, IP_PKTINFO);
    memcpy(&info, CMSG_DATA(header), sizeof(info));
    CHECK_EQ(info.ipi_addr.s_addr, expected.sin_addr.s_addr);
    /* The control message goes back as it came. */
    part.iov_len = 4;
    CHECK_EQ(kernel_sendmsg(testing.a, receiver, &message, 0), 4);
}

static void the_answer_is_from_the_second_address(void)
{
    char data[8];
    CHECK_EQ(kernel_recv(testing.b, sender, data, sizeof(data), 0), 4);
    CHECK_EQ(kernel_close(testing.a, receiver), 0);
    CHECK_EQ(kernel_send(testing.b, sender, "ping", 4, 0), 4);
}

static void nobody_is_there_any_more(void)
{
    CHECK_EQ(kernel_poll(testing.b, sender) & EPOLLERR, EPOLLERR);
    CHECK_EQ(kernel_send(testing.b, sender, "ping", 4, 0), -ECONNREFUSED);
}

static void datagrams_between_many_addresses(void **state)
{
    static void (*const steps[])(void) = {
        bind_both_addresses,
        answer_from_where_it_was_sent_to,
        the_answer_is_from_the_second_address,
        nobody_is_there_any_more,
        NULL,
    };

    (void)state;
    run_steps(steps, MS, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_link_is_perfect),
        cmocka_unit_test(the_dull_network_is_perfect_whatever_it_may_do),
        cmocka_unit_test(loss_loses_about_its_share),
        cmocka_unit_test(duplicates_come_twice),
        cmocka_unit_test(order_is_kept_unless_asked_otherwise),
        cmocka_unit_test(a_cut_link_loses_datagrams),
        cmocka_unit_test(delay_delays),
        cmocka_unit_test(a_bad_link_delays_streams_and_nothing_else),
        cmocka_unit_test(datagrams_between_many_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
