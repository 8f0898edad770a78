/*
 * sim/kernel/process.h - simulated hosts, and the processes on them with their descriptors.
 *
 * A host has addresses and a lane ("net:NAME") on which what the network brings to it arrives. A
 * process is what owns file descriptors: the code under test, or an actor. Usually each process has
 * a host of its own; a reload has two processes on one.
 *
 * Made in run_spec.start (or later in the run) from the run's arena; nothing survives the run, and
 * nothing has to be given back.
 *
 * Owner: the run.  Threads: none.
 */
#ifndef SIM_KERNEL_PROCESS_H
#define SIM_KERNEL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "sim/kernel/address.h"
#include "sim/kernel/file.h"

struct fault;
struct file_wait;
struct inode;
struct port_table;

enum {
    HOSTS_MAX = 256,
    HOST_LANES_MAX = 128, /* further hosts share the clock's */
    HOST_ADDRESSES_MAX = 64,
    PROCESS_FDS_DEFAULT = 1024, /* the usual soft RLIMIT_NOFILE */
    PROCESS_FDS_MAX = 1 << 20,
};

/* CLOCK_MONOTONIC and CLOCK_BOOTTIME when a run begins: a machine that has been up a while. */
#define CLOCK_MONOTONIC_START_NS INT64_C(1000000000000)
/* CLOCK_REALTIME then, unless the world says otherwise: 2025-01-01T00:00:00Z. */
#define CLOCK_REALTIME_START_NS INT64_C(1735689600000000000)

struct host {
    const char *name;
    uint32_t index;
    struct vthread *lane; /* deliveries to this host; made when first needed */
    struct ip *addresses; /* besides loopback */
    uint32_t address_count;
    uint32_t address_capacity;
    struct port_table *ports; /* sim/kernel/port.h */
    struct link *links;       /* what leaves this host, by destination: sim/kernel/link.h */
    struct host *next;
};

struct fd_slot {
    struct file *file; /* NULL: free */
    bool is_cloexec;
};

struct process {
    const char *name;
    int32_t pid;
    struct host *host;

    struct fd_slot *fds;
    uint32_t fd_capacity;
    uint32_t fd_limit; /* RLIMIT_NOFILE, soft; set with process_set_fd_limit */
    uint64_t *fd_used; /* a bit for each fd of the table */
    uint32_t fd_used_words;
    uint32_t fd_count;

    /* Set by the world; read by sim/posix. */
    int64_t realtime_offset_ns; /* CLOCK_REALTIME at virtual time 0 */
    int64_t clock_skew_ns;      /* added to every clock of the process */
    bool strict_fds;            /* using an fd that is not open is a finding */
    void *signals;              /* owned by sim/posix/signal.c */
    void *world;                /* owned by whoever made the process */

    struct inode *folder; /* where relative paths begin; NULL: where the tool runs */
    uint32_t umask;

    struct fault *faults;    /* sim/kernel/call.h */
    uint32_t *call_counts;   /* by enum kernel_call; allocated with the first fault */
    struct file_wait *waits; /* of its threads: sim/kernel/wait.h */
    struct process *next;
};

/* ---- making them ---- */

/* `name` is copied. */
struct host *host_new(const char *name);
/* 0, or -EADDRINUSE when a host has it already. */
int host_add_address(struct host *host, const struct ip *ip);
/* NULL when nobody has it. Loopback addresses are every host's own: NULL too. */
struct host *host_by_address(const struct ip *ip);
struct host *host_by_name(const char *name);
bool host_has_address(const struct host *host, const struct ip *ip); /* loopback included */
/* What a datagram to `to` has as its source when nobody said: false when there is none. */
bool host_source_address(const struct host *host, const struct ip *to, struct ip *source);

/* A process on `host`; NULL makes a host of the same name. `name` is copied. Fds 0, 1 and 2 are
 * open on /dev/null when `has_std_fds`. */
struct process *process_new(const char *name, struct host *host, bool has_std_fds);
struct process *process_first(void); /* then ->next, in order of creation */
void process_set_fd_limit(struct process *process, uint32_t limit);

/* Closes every fd and gives up every wait, as at exit. After its threads have ended. */
void process_close_all(struct process *process);

/* What `clock` shows to `process` now. */
int64_t process_clock_ns(const struct process *process, clockid_t clock);

/* ---- descriptors ---- */

/* NULL when `fd` is not open. No reference is taken. */
struct file *process_file(const struct process *process, int fd);
/* Whether any fd refers to `file`, which may be gone. Looks at all of them. */
bool process_has_file(const struct process *process, const struct file *file);
/* The lowest free fd from `from` on, referring to `file`, whose reference it takes over.
 * -EMFILE when the limit is reached (the reference is dropped then), -EINVAL when `from` is
 * beyond it. */
int process_fd_open(struct process *process, struct file *file, int from, bool is_cloexec);
/* Closes whatever `fd` was. -EBADF when out of range. */
int process_fd_replace(struct process *process, int fd, struct file *file, bool is_cloexec);
/* -EBADF when not open. */
int process_fd_close(struct process *process, int fd);

/* ---- reports ---- */

/* "2 connections, 1 listener" into `text`, without fds below `from_fd` and without devices; returns
 * how many there are. Empty text when none. */
uint32_t process_describe_open(const struct process *process, int from_fd, char *text,
                               size_t text_bytes);

#endif
