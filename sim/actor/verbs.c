/*
 * sim/actor/verbs.c - see verbs.h.
 */
#include "sim/actor/verbs.h"

#include <errno.h>
#include <string.h>

static struct ip ip_of(const struct addr *addr)
{
    struct ip ip;

    if (addr->family == AF_INET) {
        uint32_t v4 = (uint32_t)addr->bytes[0] << 24 | (uint32_t)addr->bytes[1] << 16 |
                      (uint32_t)addr->bytes[2] << 8 | addr->bytes[3];
        return ip_from_v4(v4);
    }
    memcpy(ip.bytes, addr->bytes, sizeof(ip.bytes));
    return ip;
}

void actor_host_address(struct host *host, const struct addr *addr)
{
    struct ip ip = ip_of(addr);
    char text[ADDR_TEXT_BYTES];

    if (ip_is_any(&ip) || ip_is_loopback(&ip) || host_has_address(host, &ip))
        return;
    if (host_add_address(host, &ip) != 0)
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: %s is not the only one at %s",
                     host->name, addr_print(addr, text));
}

struct host *actor_host(const char *name, const struct addr *addr)
{
    struct ip ip = ip_of(addr);
    struct host *host = host_by_address(&ip);

    if (host != NULL)
        return host;
    host = host_new(name);
    actor_host_address(host, addr);
    return host;
}

/* Broken or ended without what the line waits for. */
static void fail_if_over(const struct peer *peer, const char *who,
                         const struct scenario_event *event)
{
    if (peer->is_reset || peer->is_eof || peer->fd < 0)
        script_fail_waiting(who, event, "and its connection ended");
}

static enum script_outcome await_bytes(struct peer *peer, const char *who,
                                       const struct scenario_event *event)
{
    size_t len;
    const uint8_t *bytes = peer_bytes(peer, &len);
    size_t shorter = len < event->wire.len ? len : event->wire.len;

    if (memcmp(bytes, event->wire.data, shorter) != 0)
        script_fail(who, event, "received other bytes than it expects");
    if (len < event->wire.len) {
        fail_if_over(peer, who, event);
        return SCRIPT_WAIT;
    }
    peer_consume(peer, event->wire.len);
    return SCRIPT_DONE;
}

static enum script_outcome await_count(struct peer *peer, const char *who,
                                       const struct scenario_event *event)
{
    size_t len;
    uint64_t want = SCENARIO_ARG(event, RECV_COUNT, COUNT)->range.min;

    (void)peer_bytes(peer, &len);
    if (len < want) {
        fail_if_over(peer, who, event);
        return SCRIPT_WAIT;
    }
    peer_consume(peer, (size_t)want);
    return SCRIPT_DONE;
}

static void end_pause(struct timer *timer)
{
    peer_pause(timer->context, false);
}

static enum script_outcome pause(struct peer *peer, const struct scenario_event *event)
{
    const struct scenario_value *time = SCENARIO_ARG(event, PAUSE, TIME);

    peer_pause(peer, true);
    if (time->is_present) {
        struct timer *timer = arena_take(sched_arena(), sizeof(*timer));
        timer_arm(timer, peer->lane, sched_now_ns() + draw_from(&time->range), end_pause, peer);
    }
    return SCRIPT_DONE;
}

static enum script_outcome set_window(struct peer *peer, const struct scenario_event *event)
{
    int bytes = (int)draw_from(&SCENARIO_ARG(event, WINDOW, BYTES)->range);

    if (peer->fd >= 0)
        (void)kernel_setsockopt(peer->process, peer->fd, SOL_SOCKET, SO_RCVBUF, &bytes,
                                sizeof(bytes));
    return SCRIPT_DONE;
}

enum script_outcome peer_perform(struct peer *peer, const char *who,
                                 const struct scenario_event *event)
{
    /* The forms of nodes and of the world never come here: the table says who has which verb. */
    if (event->form == FORM_SEND)
        peer_send(peer, event->wire.data, event->wire.len);
    else if (event->form == FORM_RECV)
        return await_bytes(peer, who, event);
    else if (event->form == FORM_RECV_COUNT)
        return await_count(peer, who, event);
    else if (event->form == FORM_FIN)
        return peer->is_eof || peer->is_reset ? SCRIPT_DONE : SCRIPT_WAIT;
    else if (event->form == FORM_RST)
        return peer->is_reset ? SCRIPT_DONE : SCRIPT_WAIT;
    else if (event->form == FORM_CLOSE)
        peer_close(peer);
    else if (event->form == FORM_RESET)
        peer_reset(peer);
    else if (event->form == FORM_SHUTDOWN)
        peer_shutdown(peer);
    else if (event->form == FORM_PAUSE)
        return pause(peer, event);
    else if (event->form == FORM_RESUME)
        peer_pause(peer, false);
    else if (event->form == FORM_WINDOW)
        return set_window(peer, event);
    return SCRIPT_DONE;
}
