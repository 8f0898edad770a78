/*
 * sim/kernel/differential.h - one sequence of the differential test in progress.
 *
 * A slot holds the same file on both sides. A call is made on both, noted in the log, and compared.
 *
 * Threads: the test's.
 */
#ifndef SIM_KERNEL_DIFFERENTIAL_H
#define SIM_KERNEL_DIFFERENTIAL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/differential_sides.h"
#include "sim/sched/sched.h"

enum {
    SLOTS = 14,
    OPS_MIN = 10,
    OPS_MAX = 60,
    SEQUENCES = 20000,
    SIDES = 2,
    DATA_BYTES_MAX = 3000,
    LOG_BYTES = 64 << 10,
    SETTLE_SLOW_US = 3000,
    SETTLE_SLOWEST_US = 60000, /* longer than a delayed ACK */
    SETTLE_FILL_US = 50,
    FILL_ROUNDS_MAX = 2000,
    POLL_ALL =
        POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND | POLLRDHUP,
};
#define STEP_NS UINT64_C(1000000)

enum kind { NONE, TCP, UDP, UNIX, PIPE, EVENT, EPOLL };

struct slot {
    enum kind kind;
    int family;
    int type;
    int fd[SIDES];
    bool is_shared_port;
    int listener;        /* slot + 1 that it was connected to, 0 when none */
    uint32_t connection; /* the same for both ends; 0 when none is known */
    bool is_foreign;     /* bound to an address of the internet */
    bool has_used_v4;    /* an IPv6 socket that has sent to an IPv4 address */
};

struct diff {
    uint64_t random;
    uint32_t ops_left;
    bool has_v6; /* the machine does */
    unsigned settle_us;
    bool has_failed;
    struct slot slots[SLOTS];
    struct in_addr home; /* 127.x.y.z of this sequence */
    char log[LOG_BYTES];
    size_t log_used;
    struct timer timer;
    struct vthread *lane;

    /* An operation of several steps that goes on. */
    void (*next)(void);
    int next_a;
    int next_b;
    int64_t moved[SIDES];
    uint32_t rounds;
    uint32_t connections;
};
extern struct diff diff;

extern const struct side *const diff_sides[SIDES];

void diff_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The sides differ: the sequence ends. */
void diff_differ(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint32_t diff_draw(uint32_t n);
/* Both results, which must be equal (fds count as equal); returns the real one. */
int64_t diff_agree(const int64_t result[SIDES], bool is_fd);

/* -1 when there is none. NONE picks a slot of any kind. */
int diff_free_slot(void);
int diff_pick_slot(enum kind kind);
void diff_set_slot(int at, enum kind kind, int family, int type, const int64_t fd[SIDES]);
void diff_copy_slot(int to, int from, const int64_t fd[SIDES]);

socklen_t diff_local_name(int at, int s, struct sockaddr_storage *name);
uint16_t *diff_port_of(struct sockaddr_storage *name);
/* The sequence's own loopback address. */
socklen_t diff_make_home(int family, struct sockaddr_storage *name, uint16_t port);
/* Addresses of both sides, ports compared by the slot that has them. */
void diff_compare_names(struct sockaddr_storage name[SIDES], const socklen_t bytes[SIDES]);
/* The address by which slot `to` can be reached by a socket of `family`. */
socklen_t diff_reach(int to, int s, int family, struct sockaddr_storage *name);
bool diff_can_reach(int at, int to);
bool diff_is_same_file(int a, int b);
/* The other end of a TCP connection; -1 when it is in no slot. */
int diff_peer_of(int at);
void diff_compare_readiness(void);

void diff_fill_next(void);
void diff_drain_next(void);
void diff_op_socket(void);
void diff_op_open_other(void);
void diff_op_epoll_create(void);
void diff_op_bind(void);
void diff_op_listen(void);
void diff_op_connect(void);
void diff_op_accept(void);
void diff_op_connection(void);
void diff_op_fill(void);
void diff_op_name(void);
void diff_op_send(void);
void diff_op_recv(void);
void diff_op_sendto(void);
void diff_op_shutdown(void);
void diff_op_close(void);
void diff_op_dup(void);
void diff_op_setsockopt(void);
void diff_op_linger(void);
void diff_op_getsockopt(void);
void diff_op_readable(void);
void diff_op_epoll_ctl(void);
void diff_op_epoll_wait(void);

#endif
