/*
 * sim/kernel/link.h - what the network does to what one host sends another.
 *
 * A link has one direction. It never looks at payload. Everything it decides (how late, lost,
 * twice, before its elder) is a draw whose dull answer is a perfect network: delay_ns_min, nothing
 * lost, in order. For streams a loss shows as the retransmission's delay and order is kept.
 * Deliveries come out as steps of the destination host's lane.
 *
 * Owner: the run.  Threads: none.
 */
#ifndef SIM_KERNEL_LINK_H
#define SIM_KERNEL_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/kernel/process.h"

#define LINK_DELAY_NS_DEFAULT 10000ULL      /* between hosts */
#define LINK_DELAY_NS_LOOPBACK 1000ULL      /* inside a host */
#define LINK_RETRANSMIT_NS_MIN 200000000ULL /* Linux TCP_RTO_MIN */

enum {
    LINK_DATAGRAMS_IN_FLIGHT_MAX = 65536, /* over a world; more are lost, as in a real queue */
    LINK_RETRANSMITS_MAX = 8,             /* losses in a row of one stream segment */
};

/* All zero with delays equal is a perfect link. */
struct link_spec {
    uint64_t delay_ns_min;
    uint64_t delay_ns_max; /* inclusive, >= delay_ns_min */
    uint32_t loss_ppm;
    uint32_t duplicate_ppm;
    uint32_t reorder_ppm;
    bool is_cut; /* datagrams are lost, streams held until healed or timed out */
};

struct stream_wire;

struct link {
    struct link *next;
    struct host *from;
    struct host *to;
    struct link_spec spec;
    uint64_t last_due_ns;     /* of datagrams: keeps order without reordering */
    struct stream_wire *held; /* streams waiting for healing */
};

struct link_spec link_spec_default(void);
/* The link's present spec. */
struct link_spec link_get(struct host *from, struct host *to);
/* From now on; what is in flight stays as it was drawn. */
void link_set(struct host *from, struct host *to, const struct link_spec *spec);
/* One direction. Healing lets held streams go on after a retransmission's delay. */
void link_cut(struct host *from, struct host *to);
void link_heal(struct host *from, struct host *to);

/* ---- for the protocols ---- */

/* Lane of the host, made when first needed. */
struct vthread *host_lane(struct host *host);

/* How late one segment (never lost) arrives: an acknowledgement, a refusal. */
uint64_t link_draw_delay(struct host *from, struct host *to);
bool link_is_cut(struct host *from, struct host *to);

/* Draws the fate of one datagram sent now. Returns how many copies arrive (0, 1, 2) and when. */
uint32_t link_draw_datagram(struct host *from, struct host *to, uint64_t due_ns[2]);

/* One direction of a stream: segments in order, one timer for the first. The protocol's struct
 * holds it. */
struct stream_segment {
    struct stream_segment *next;
    uint64_t due_ns;
    uint32_t type; /* the protocol's */
    uint32_t begin;
    uint32_t end;
    uint32_t capacity;
    uint8_t bytes[];
};

struct stream_wire {
    struct stream_segment *head;
    struct stream_segment *tail;
    struct timer timer;
    struct link *link;
    uint64_t last_due_ns;
    uint64_t held_since_ns; /* when the head began to wait for healing */
    struct stream_wire *held_next;
    struct stream_wire **held_prev; /* NULL when not held */
    /* Takes the segment over. On the lane of `to`. */
    void (*deliver)(struct stream_wire *wire, struct stream_segment *segment);
    /* The wire began (or ceased) to wait for healing. */
    void (*held)(struct stream_wire *wire, bool is_held);
};

/* `wire` is zeroed; `deliver` and `held` are set by the caller. */
void stream_wire_init(struct stream_wire *wire, struct host *from, struct host *to);
/* Takes the segment over; draws its delay. */
void stream_wire_send(struct stream_wire *wire, struct stream_segment *segment);
/* Drops all that is in flight. */
void stream_wire_fini(struct stream_wire *wire);
/* The wire whose next delivery this is, or NULL. */
const struct stream_wire *stream_wire_of_timer(const struct timer *timer);
bool stream_wire_is_empty(const struct stream_wire *wire);

struct stream_segment *stream_segment_new(uint32_t type, uint32_t capacity);
void stream_segment_free(struct stream_segment *segment);

#endif
