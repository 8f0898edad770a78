/*
 * sim/kernel/link.c - see link.h.
 */
#include "sim/kernel/link.h"

#include <stdio.h>

#include "sim/choice/choice.h"
#include "sim/kernel/capture.h"
#include "sim/kernel/kernel.h"

enum {
    PPM_ONE = 1000000,
    DELAY_STEPS = 256,       /* how finely a delay is drawn within its range */
    HELD_BACKOFFS_MAX = 9,   /* retransmission delays double up to LINK_RETRANSMIT_NS_MIN << 9 */
    REORDER_DELAY_STEPS = 4, /* an overtaken datagram is late by up to this many delays */
};

struct vthread *host_lane(struct host *host)
{
    char name[VTHREAD_NAME_BYTES];

    if (host->lane != NULL)
        return host->lane;
    if (sched_thread_count() >= HOST_LANES_MAX) {
        host->lane = sched_clock_lane();
        return host->lane;
    }
    snprintf(name, sizeof(name), "net:%s", host->name);
    host->lane = sched_lane_new(name);
    return host->lane;
}

struct link_spec link_spec_default(void)
{
    return (struct link_spec){
        .delay_ns_min = LINK_DELAY_NS_DEFAULT,
        .delay_ns_max = LINK_DELAY_NS_DEFAULT,
    };
}

void (*kernel_capture)(const struct capture_packet *packet);

static struct link *find(struct host *from, struct host *to)
{
    struct link *link;

    for (link = from->links; link != NULL; link = link->next) {
        if (link->to == to)
            return link;
    }
    link = kmem_take(sizeof(*link));
    link->from = from;
    link->to = to;
    link->spec = link_spec_default();
    if (from == to) {
        link->spec.delay_ns_min = LINK_DELAY_NS_LOOPBACK;
        link->spec.delay_ns_max = LINK_DELAY_NS_LOOPBACK;
    }
    link->next = from->links;
    from->links = link;
    return link;
}

struct link_spec link_get(struct host *from, struct host *to)
{
    return find(from, to)->spec;
}

void link_set(struct host *from, struct host *to, const struct link_spec *spec)
{
    struct link *link = find(from, to);
    bool is_healing = link->spec.is_cut && !spec->is_cut;

    KERNEL_CHECK(spec->delay_ns_max >= spec->delay_ns_min);
    link->spec = *spec;
    if (is_healing)
        link_heal(from, to);
}

void link_cut(struct host *from, struct host *to)
{
    find(from, to)->spec.is_cut = true;
}

bool link_is_cut(struct host *from, struct host *to)
{
    return find(from, to)->spec.is_cut;
}

/* ---- draws ---- */

/* True once in 1000000 / ppm. Of the other answers 0 is the dull one. */
static bool draw_ppm(enum choice_class class, uint32_t ppm)
{
    if (ppm == 0)
        return false;
    if (ppm >= PPM_ONE)
        return true;
    return choice_draw_even(class, PPM_ONE / ppm < 2 ? 2 : PPM_ONE / ppm) == 1;
}

static uint64_t draw_delay(const struct link *link)
{
    uint64_t range_ns = link->spec.delay_ns_max - link->spec.delay_ns_min;

    if (range_ns == 0)
        return link->spec.delay_ns_min;
    return link->spec.delay_ns_min +
           range_ns / (DELAY_STEPS - 1) * choice_draw(CHOICE_DELAY, DELAY_STEPS);
}

uint64_t link_draw_delay(struct host *from, struct host *to)
{
    return draw_delay(find(from, to));
}

uint32_t link_draw_datagram(struct host *from, struct host *to, uint64_t due_ns[2])
{
    struct link *link = find(from, to);
    uint64_t due = sched_now_ns() + draw_delay(link);
    uint32_t copies = 1;

    if (link->spec.is_cut || draw_ppm(CHOICE_LOSS, link->spec.loss_ppm))
        return 0;
    if (draw_ppm(CHOICE_REORDER, link->spec.reorder_ppm)) {
        /* Late by some delays, and those behind do not wait for it. */
        due += (1 + choice_draw(CHOICE_DELAY, REORDER_DELAY_STEPS)) * (link->spec.delay_ns_max + 1);
    } else {
        /* Strictly after the one before: timers due together fire in any order. */
        if (due <= link->last_due_ns)
            due = link->last_due_ns + 1;
        link->last_due_ns = due;
    }
    due_ns[0] = due;
    if (draw_ppm(CHOICE_DUPLICATE, link->spec.duplicate_ppm)) {
        due_ns[1] = due + 1 + draw_delay(link);
        copies = 2;
    }
    return copies;
}

/* ---- streams ---- */

static void fire_wire(struct timer *timer);

static void arm_head(struct stream_wire *wire)
{
    if (wire->head != NULL && wire->held_prev == NULL && !timer_is_armed(&wire->timer))
        timer_arm(&wire->timer, host_lane(wire->link->to), wire->head->due_ns, fire_wire, wire);
}

static void hold(struct stream_wire *wire, struct link *link)
{
    wire->held_since_ns = sched_now_ns();
    wire->held_next = link->held;
    wire->held_prev = &link->held;
    if (link->held != NULL)
        link->held->held_prev = &wire->held_next;
    link->held = wire;
    if (wire->held != NULL)
        wire->held(wire, true);
}

static void release(struct stream_wire *wire)
{
    if (wire->held_prev == NULL)
        return;
    *wire->held_prev = wire->held_next;
    if (wire->held_next != NULL)
        wire->held_next->held_prev = wire->held_prev;
    wire->held_prev = NULL;
    wire->held_next = NULL;
}

/* When the sender next tries again, trying since `since_ns` with doubling pauses. */
static uint64_t next_retransmission(uint64_t since_ns)
{
    uint64_t due_ns = since_ns;
    uint64_t pause_ns = LINK_RETRANSMIT_NS_MIN;

    for (uint32_t i = 0; due_ns < sched_now_ns(); i++) {
        due_ns += pause_ns;
        if (i < HELD_BACKOFFS_MAX)
            pause_ns *= 2;
    }
    return due_ns;
}

void link_heal(struct host *from, struct host *to)
{
    struct link *link = find(from, to);

    link->spec.is_cut = false;
    while (link->held != NULL) {
        struct stream_wire *wire = link->held;
        uint64_t due_ns = next_retransmission(wire->held_since_ns);

        release(wire);
        /* All that waited goes out again together. */
        for (struct stream_segment *segment = wire->head; segment != NULL;
             segment = segment->next) {
            if (segment->due_ns < due_ns)
                segment->due_ns = due_ns;
        }
        if (wire->last_due_ns < due_ns)
            wire->last_due_ns = due_ns;
        if (wire->held != NULL)
            wire->held(wire, false);
        arm_head(wire);
    }
}

/* Hands over what is due, on the lane of the receiver. One segment a step, so that whoever is about
 * to look may come in between. */
static void fire_wire(struct timer *timer)
{
    struct stream_wire *wire = timer->context;
    struct stream_segment *segment = wire->head;
    struct link *link = wire->link;

    if (link->spec.is_cut) {
        hold(wire, link);
        return;
    }
    wire->head = segment->next;
    if (wire->head == NULL)
        wire->tail = NULL;
    segment->next = NULL;
    kernel->segments_in_flight--;
    arm_head(wire);
    wire->deliver(wire, segment);
}

const struct stream_wire *stream_wire_of_timer(const struct timer *timer)
{
    return timer->fire == fire_wire ? timer->context : NULL;
}

void stream_wire_init(struct stream_wire *wire, struct host *from, struct host *to)
{
    wire->link = find(from, to);
}

void stream_wire_send(struct stream_wire *wire, struct stream_segment *segment)
{
    struct link *link = wire->link;
    uint64_t delay_ns = draw_delay(link);
    uint64_t pause_ns = LINK_RETRANSMIT_NS_MIN;

    for (uint32_t i = 0; i < LINK_RETRANSMITS_MAX && draw_ppm(CHOICE_LOSS, link->spec.loss_ppm);
         i++) {
        delay_ns += pause_ns;
        pause_ns *= 2;
    }
    segment->due_ns = sched_now_ns() + delay_ns;
    if (segment->due_ns < wire->last_due_ns)
        segment->due_ns = wire->last_due_ns;
    wire->last_due_ns = segment->due_ns;
    segment->next = NULL;
    if (wire->tail == NULL)
        wire->head = segment;
    else
        wire->tail->next = segment;
    wire->tail = segment;
    kernel->segments_in_flight++;
    arm_head(wire);
}

void stream_wire_fini(struct stream_wire *wire)
{
    release(wire);
    timer_cancel(&wire->timer);
    while (wire->head != NULL) {
        struct stream_segment *segment = wire->head;
        wire->head = segment->next;
        kernel->segments_in_flight--;
        stream_segment_free(segment);
    }
    wire->tail = NULL;
}

bool stream_wire_is_empty(const struct stream_wire *wire)
{
    return wire->head == NULL;
}

struct stream_segment *stream_segment_new(uint32_t type, uint32_t capacity)
{
    struct stream_segment *segment = kmem_take_raw(sizeof(*segment) + capacity);

    segment->next = NULL;
    segment->due_ns = 0;
    segment->type = type;
    segment->begin = 0;
    segment->end = 0;
    segment->capacity = capacity;
    return segment;
}

void stream_segment_free(struct stream_segment *segment)
{
    kmem_give(segment, sizeof(*segment) + segment->capacity);
}
