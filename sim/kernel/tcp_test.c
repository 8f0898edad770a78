/*
 * sim/kernel/tcp_test.c - what only time or another host shows: backlogs, retries, time-outs, cuts,
 * full windows. States and errors on loopback are the differential test's.
 */
#include "sim/kernel/testing.h"

#include <netinet/tcp.h>

#include "sim/kernel/tcp.h"

static int listener;
static int clients[4];
static int served;

/* ---- the backlog ---- */

static void two_connect_to_a_backlog_of_one(void)
{
    listener = listen_at_a(1);
    for (int i = 0; i < 2; i++)
        clients[i] = connect_from_b();
}

static void a_third_connects(void)
{
    clients[2] = connect_from_b();
}

static void two_are_connected_and_one_waits(void)
{
    for (int i = 0; i < 2; i++)
        CHECK_EQ(kernel_poll(testing.b, clients[i]) & EPOLLOUT, EPOLLOUT);
    CHECK_EQ(kernel_poll(testing.b, clients[2]), 0);
    CHECK(kernel_accept(testing.a, listener, NULL, NULL, 0) >= 0);
    CHECK(kernel_accept(testing.a, listener, NULL, NULL, 0) >= 0);
    CHECK_EQ(kernel_accept(testing.a, listener, NULL, NULL, 0), -EAGAIN);
}

static void the_third_tried_again_after_a_second(void)
{
    CHECK_EQ(kernel_poll(testing.b, clients[2]) & EPOLLOUT, EPOLLOUT);
    CHECK(kernel_accept(testing.a, listener, NULL, NULL, 0) >= 0);
}

static void a_full_backlog_makes_clients_try_again(void **state)
{
    static void (*const steps[])(void) = {
        two_connect_to_a_backlog_of_one,
        a_third_connects,
        two_are_connected_and_one_waits,
        the_third_tried_again_after_a_second,
        NULL,
    };

    (void)state;
    run_steps(steps, SECONDS * 6 / 10, 0);
}

/* All three SYNs come before the first ACK, so all are answered; the queue has no room for the
 * third then, though its client believes to be connected. */
static void three_connect_at_once(void)
{
    two_connect_to_a_backlog_of_one();
    a_third_connects();
}

static void all_believe_to_be_connected(void)
{
    CHECK_EQ(kernel_poll(testing.b, clients[2]) & EPOLLOUT, EPOLLOUT);
    CHECK(kernel_accept(testing.a, listener, NULL, NULL, 0) >= 0);
    CHECK(kernel_accept(testing.a, listener, NULL, NULL, 0) >= 0);
    CHECK_EQ(kernel_accept(testing.a, listener, NULL, NULL, 0), -EAGAIN);
    CHECK_EQ(kernel_send(testing.b, clients[2], "early", 5, 0), 5);
}

static void the_third_is_there_with_its_data(void)
{
    served = kernel_accept(testing.a, listener, NULL, NULL, 0);
    CHECK(served >= 0);
    CHECK_EQ(kernel_ioctl_readable(testing.a, served), 5);
}

static void a_client_may_be_connected_before_the_listener_has_room(void **state)
{
    static void (*const steps[])(void) = {
        three_connect_at_once,
        all_believe_to_be_connected,
        the_third_is_there_with_its_data,
        NULL,
    };

    (void)state;
    run_steps(steps, SECONDS * 6 / 10, 0);
}

static void closing_the_listener_resets_them(void)
{
    CHECK_EQ(kernel_close(testing.a, listener), 0);
}

static void all_were_reset(void)
{
    CHECK_EQ(error_of(testing.b, clients[0]), ECONNRESET);
    CHECK_EQ(error_of(testing.b, clients[1]), ECONNRESET);
    CHECK_EQ(error_of(testing.b, clients[2]), ECONNREFUSED);
}

static void a_closed_listener_resets_who_was_not_accepted(void **state)
{
    static void (*const steps[])(void) = {
        two_connect_to_a_backlog_of_one,
        a_third_connects,
        closing_the_listener_resets_them,
        all_were_reset,
        NULL,
    };

    (void)state;
    run_steps(steps, SECONDS * 8 / 10, 0);
}

/* ---- a connection ---- */

static void connect_one(void)
{
    listener = listen_at_a(8);
    clients[0] = connect_from_b();
}

static void accept_one(void)
{
    served = kernel_accept(testing.a, listener, NULL, NULL, 0);
    CHECK(served >= 0);
}

static void the_window_fills(void)
{
    static const uint8_t data[65536];
    int64_t sent = 0;
    int64_t put;

    while ((put = kernel_send(testing.b, clients[0], data, sizeof(data), 0)) > 0)
        sent += put;
    CHECK_EQ(put, -EAGAIN);
    CHECK_EQ(sent, TCP_SNDBUF_DEFAULT / 2);
}

static void the_receiver_holds_a_window_of_it(void)
{
    the_window_fills();
    CHECK_EQ(kernel_ioctl_readable(testing.a, served), TCP_SNDBUF_DEFAULT / 2);
}

static void now_both_are_full(void)
{
    static const uint8_t data[65536];

    CHECK_EQ(kernel_ioctl_readable(testing.a, served), TCP_RCVBUF_DEFAULT / 2);
    while (kernel_send(testing.b, clients[0], data, sizeof(data), 0) > 0)
        ;
    CHECK_EQ(kernel_poll(testing.b, clients[0]) & EPOLLOUT, 0);
}

static void reading_makes_room(void)
{
    static uint8_t data[1 << 20];
    CHECK_EQ(kernel_recv(testing.a, served, data, sizeof(data), 0), TCP_RCVBUF_DEFAULT / 2);
}

static void there_is_room(void)
{
    CHECK_EQ(kernel_poll(testing.b, clients[0]) & EPOLLOUT, EPOLLOUT);
    CHECK(kernel_ioctl_readable(testing.a, served) > 0);
}

static void a_window_holds_back_the_sender(void **state)
{
    static void (*const steps[])(void) = {
        connect_one,       accept_one,         the_window_fills, the_receiver_holds_a_window_of_it,
        now_both_are_full, reading_makes_room, there_is_room,    NULL,
    };

    (void)state;
    run_steps(steps, MS, 0);
}

/* ---- cuts ---- */

static void cut_and_send(void)
{
    unsigned timeout_ms = 5000;

    link_cut(testing.b->host, testing.a->host);
    CHECK_EQ(kernel_setsockopt(testing.b, clients[0], IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms,
                               sizeof(timeout_ms)),
             0);
    CHECK_EQ(kernel_send(testing.b, clients[0], "hello", 5, 0), 5);
    CHECK_EQ(kernel_shutdown(testing.b, clients[0], SHUT_WR), 0);
}

static void nothing_came(void)
{
    CHECK_EQ(kernel_poll(testing.a, served) & EPOLLIN, 0);
}

static void heal(void)
{
    nothing_came();
    link_heal(testing.b->host, testing.a->host);
}

static void it_came_late_and_in_order(void)
{
    char data[16];

    CHECK_EQ(kernel_recv(testing.a, served, data, sizeof(data), 0), 5);
    CHECK_EQ(memcmp(data, "hello", 5), 0);
    CHECK_EQ(kernel_recv(testing.a, served, data, sizeof(data), 0), 0);
}

static void a_healed_link_lets_a_stream_go_on(void **state)
{
    static void (*const steps[])(void) = {
        connect_one, accept_one, cut_and_send, heal, it_came_late_and_in_order, NULL,
    };

    (void)state;
    run_steps(steps, SECONDS, 0);
}

static void wait_a_while(void)
{
}

static void the_sender_gave_up(void)
{
    CHECK_EQ(kernel_poll(testing.b, clients[0]) & (EPOLLERR | EPOLLHUP), EPOLLERR | EPOLLHUP);
    CHECK_EQ(kernel_recv(testing.b, clients[0], &(char){0}, 1, 0), -ETIMEDOUT);
    nothing_came();
}

static void a_cut_link_times_out(void **state)
{
    static void (*const steps[])(void) = {
        connect_one, accept_one, cut_and_send, wait_a_while, the_sender_gave_up, NULL,
    };

    (void)state;
    run_steps(steps, 4 * SECONDS, 0);
}

static void connect_to_nobody(void)
{
    clients[0] = kernel_socket(testing.b, AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(testing.b, clients[0], "10.9.9.9", 80), -EINPROGRESS);
    link_cut(testing.b->host, testing.a->host);
    clients[1] = connect_from_b();
    listen_at_a(1);
}

static void connecting_gave_up(void)
{
    CHECK_EQ(error_of(testing.b, clients[0]), ETIMEDOUT);
    CHECK_EQ(error_of(testing.b, clients[1]), ETIMEDOUT);
}

static void connecting_where_nobody_answers_times_out(void **state)
{
    static void (*const steps[])(void) = {connect_to_nobody, connecting_gave_up, NULL};

    (void)state;
    run_steps(steps, 128 * SECONDS, 0);
}

/* ---- the rest ---- */

static void connect_deferred(void)
{
    int seconds = 10;

    listener = listen_at_a(8);
    CHECK_EQ(kernel_setsockopt(testing.a, listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
                               sizeof(seconds)),
             0);
    clients[0] = connect_from_b();
    clients[1] = connect_from_b();
}

static void nobody_is_to_be_accepted(void)
{
    CHECK_EQ(kernel_poll(testing.a, listener), 0);
    CHECK_EQ(kernel_send(testing.b, clients[1], "x", 1, 0), 1);
}

static void the_one_that_sent_is_accepted(void)
{
    accept_one();
    CHECK_EQ(kernel_accept(testing.a, listener, NULL, NULL, 0), -EAGAIN);
    CHECK_EQ(kernel_ioctl_readable(testing.a, served), 1);
}

static void deferred_accepts_wait_for_data(void **state)
{
    static void (*const steps[])(void) = {
        connect_deferred,
        nobody_is_to_be_accepted,
        the_one_that_sent_is_accepted,
        NULL,
    };

    (void)state;
    run_steps(steps, MS, 0);
}

static void close_first(void)
{
    CHECK_EQ(kernel_close(testing.a, served), 0);
}

static uint64_t closed_ns;

static void close_second(void)
{
    CHECK_EQ(kernel_close(testing.b, clients[0]), 0);
    CHECK_EQ(kernel_close(testing.a, listener), 0);
    closed_ns = sched_now_ns();
}

static void the_port_is_held_for_a_minute(void)
{
    int on = 1;
    int fd = kernel_socket(testing.a, AF_INET, SOCK_STREAM, 0);

    if (sched_now_ns() < closed_ns + 60 * SECONDS)
        CHECK_EQ(bind_to(testing.a, fd, "10.0.0.1", 80), -EADDRINUSE);
    else
        CHECK_EQ(bind_to(testing.a, fd, "10.0.0.1", 80), 0);
    CHECK_EQ(kernel_close(testing.a, fd), 0);
    /* SO_REUSEADDR does not help when the connection's listener had not set it. */
    fd = kernel_socket(testing.a, AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(kernel_setsockopt(testing.a, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    CHECK_EQ(bind_to(testing.a, fd, "10.0.0.1", 80),
             sched_now_ns() < closed_ns + 60 * SECONDS ? -EADDRINUSE : 0);
    CHECK_EQ(kernel_close(testing.a, fd), 0);
}

static void time_wait_holds_the_port(void **state)
{
    static void (*const steps[])(void) = {
        connect_one,  accept_one,   close_first,  close_second, the_port_is_held_for_a_minute,
        wait_a_while, wait_a_while, wait_a_while, wait_a_while, the_port_is_held_for_a_minute,
        NULL,
    };

    (void)state;
    run_steps(steps, 15 * SECONDS, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_backlog_makes_clients_try_again),
        cmocka_unit_test(a_client_may_be_connected_before_the_listener_has_room),
        cmocka_unit_test(a_closed_listener_resets_who_was_not_accepted),
        cmocka_unit_test(a_window_holds_back_the_sender),
        cmocka_unit_test(a_healed_link_lets_a_stream_go_on),
        cmocka_unit_test(a_cut_link_times_out),
        cmocka_unit_test(connecting_where_nobody_answers_times_out),
        cmocka_unit_test(deferred_accepts_wait_for_data),
        cmocka_unit_test(time_wait_holds_the_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
