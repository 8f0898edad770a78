/*
 * sim/kernel/process.c - see process.h.
 */
#include "sim/kernel/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sim/kernel/device.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/regular.h"
#include "sim/kernel/wait.h"

enum { PID_FIRST = 1000, UMASK_USUAL = 022, FD_WORD_BITS = 64 };

/* ---- hosts ---- */

struct host *host_new(const char *name)
{
    struct host *host = kmem_take(sizeof(*host));

    KERNEL_CHECK(kernel->host_count < HOSTS_MAX);
    host->name = arena_strdup(sched_arena(), name);
    host->index = kernel->host_count++;
    if (kernel->host_tail == NULL)
        kernel->hosts = host;
    else
        kernel->host_tail->next = host;
    kernel->host_tail = host;
    return host;
}

int host_add_address(struct host *host, const struct ip *ip)
{
    if (host_by_address(ip) != NULL)
        return -EADDRINUSE;
    KERNEL_CHECK(host->address_count < HOST_ADDRESSES_MAX);
    host->addresses = kmem_grow(host->addresses, &host->address_capacity, host->address_count + 1,
                                sizeof(*host->addresses));
    host->addresses[host->address_count++] = *ip;
    return 0;
}

static bool owns_address(const struct host *host, const struct ip *ip)
{
    for (uint32_t i = 0; i < host->address_count; i++) {
        if (ip_equal(&host->addresses[i], ip))
            return true;
    }
    return false;
}

struct host *host_by_address(const struct ip *ip)
{
    for (struct host *host = kernel->hosts; host != NULL; host = host->next) {
        if (owns_address(host, ip))
            return host;
    }
    return NULL;
}

struct host *host_by_name(const char *name)
{
    for (struct host *host = kernel->hosts; host != NULL; host = host->next) {
        if (strcmp(host->name, name) == 0)
            return host;
    }
    return NULL;
}

bool host_has_address(const struct host *host, const struct ip *ip)
{
    return ip_is_loopback(ip) || owns_address(host, ip);
}

bool host_source_address(const struct host *host, const struct ip *to, struct ip *source)
{
    if (ip_is_loopback(to)) {
        *source = ip_loopback(ip_is_v4(to));
        if (!ip_is_v4(to))
            *source = *to;
        return true;
    }
    if (owns_address(host, to)) {
        *source = *to;
        return true;
    }
    for (uint32_t i = 0; i < host->address_count; i++) {
        if (ip_is_v4(&host->addresses[i]) == ip_is_v4(to)) {
            *source = host->addresses[i];
            return true;
        }
    }
    return false;
}

/* ---- processes ---- */

struct process *process_new(const char *name, struct host *host, bool has_std_fds)
{
    struct process *process = kmem_take(sizeof(*process));

    process->name = arena_strdup(sched_arena(), name);
    process->host = host == NULL ? host_new(name) : host;
    process->pid = PID_FIRST + kernel->pid_next++;
    process->fd_limit = PROCESS_FDS_DEFAULT;
    process->umask = UMASK_USUAL;
    process->realtime_offset_ns = CLOCK_REALTIME_START_NS;
    if (kernel->process_tail == NULL)
        kernel->processes = process;
    else
        kernel->process_tail->next = process;
    kernel->process_tail = process;
    if (has_std_fds) {
        for (int fd = 0; fd < 3; fd++)
            process_fd_open(process, device_new(DEVICE_NULL, O_RDWR), 0, false);
    }
    return process;
}

struct process *process_first(void)
{
    return kernel->processes;
}

void process_set_fd_limit(struct process *process, uint32_t limit)
{
    process->fd_limit = limit < PROCESS_FDS_MAX ? limit : PROCESS_FDS_MAX;
}

void process_close_all(struct process *process)
{
    for (uint32_t fd = 0; fd < process->fd_capacity; fd++) {
        if (process->fds[fd].file != NULL)
            process_fd_close(process, (int)fd);
    }
    while (process->waits != NULL)
        file_wait_end(process->waits);
}

/* ---- descriptors ---- */

struct file *process_file(const struct process *process, int fd)
{
    if (fd < 0 || (uint32_t)fd >= process->fd_capacity)
        return NULL;
    return process->fds[fd].file;
}

bool process_has_file(const struct process *process, const struct file *file)
{
    for (uint32_t fd = 0; fd < process->fd_capacity; fd++)
        if (process->fds[fd].file == file)
            return file != NULL;
    return false;
}

static void set_slot(struct process *process, uint32_t fd, struct file *file, bool is_cloexec)
{
    process->fds = kmem_grow(process->fds, &process->fd_capacity, fd + 1, sizeof(*process->fds));
    process->fd_used = kmem_grow(process->fd_used, &process->fd_used_words, fd / FD_WORD_BITS + 1,
                                 sizeof(*process->fd_used));
    process->fd_used[fd / FD_WORD_BITS] |= UINT64_C(1) << fd % FD_WORD_BITS;
    process->fds[fd].file = file;
    process->fds[fd].is_cloexec = is_cloexec;
    process->fd_count++;
}

static uint32_t lowest_free(const struct process *process, uint32_t from)
{
    uint64_t below = (UINT64_C(1) << from % FD_WORD_BITS) - 1;

    for (uint32_t word = from / FD_WORD_BITS; word < process->fd_used_words; word++) {
        uint64_t used = process->fd_used[word] | below;
        if (~used != 0)
            return word * FD_WORD_BITS + (uint32_t)__builtin_ctzll(~used);
        below = 0;
    }
    return from > process->fd_used_words * FD_WORD_BITS ? from
                                                        : process->fd_used_words * FD_WORD_BITS;
}

int process_fd_open(struct process *process, struct file *file, int from, bool is_cloexec)
{
    uint32_t fd;

    if (from < 0 || (uint32_t)from >= process->fd_limit) {
        file_put(file);
        return from == 0 ? -EMFILE : -EINVAL;
    }
    fd = lowest_free(process, (uint32_t)from);
    if (fd >= process->fd_limit) {
        file_put(file);
        return -EMFILE;
    }
    set_slot(process, fd, file, is_cloexec);
    return (int)fd;
}

int process_fd_replace(struct process *process, int fd, struct file *file, bool is_cloexec)
{
    struct file *old;

    if (fd < 0 || (uint32_t)fd >= process->fd_limit) {
        file_put(file);
        return -EBADF;
    }
    old = process_file(process, fd);
    if (old != NULL)
        process->fd_count--;
    set_slot(process, (uint32_t)fd, file, is_cloexec);
    if (old != NULL) {
        regular_closed(process, old);
        file_put(old);
    }
    return fd;
}

int process_fd_close(struct process *process, int fd)
{
    struct file *file = process_file(process, fd);

    if (file == NULL)
        return -EBADF;
    process->fds[fd] = (struct fd_slot){0};
    process->fd_count--;
    process->fd_used[(uint32_t)fd / FD_WORD_BITS] &= ~(UINT64_C(1) << (uint32_t)fd % FD_WORD_BITS);
    regular_closed(process, file);
    file_put(file);
    return 0;
}

/* ---- reports ---- */

uint32_t process_describe_open(const struct process *process, int from_fd, char *text,
                               size_t text_bytes)
{
    uint32_t counts[FILE_KIND_COUNT] = {0};
    uint32_t total = 0;
    size_t used = 0;

    for (uint32_t fd = (uint32_t)from_fd; fd < process->fd_capacity; fd++) {
        const struct file *file = process->fds[fd].file;
        if (file != NULL && file->ops->kind(file) != FILE_DEVICE) {
            counts[file->ops->kind(file)]++;
            total++;
        }
    }
    if (text_bytes > 0)
        text[0] = '\0';
    for (unsigned kind = 0; kind < FILE_KIND_COUNT; kind++) {
        int wrote;
        if (counts[kind] == 0 || used >= text_bytes)
            continue;
        wrote = snprintf(text + used, text_bytes - used, "%s%u %s", used == 0 ? "" : ", ",
                         counts[kind], file_kind_word((enum file_kind)kind, counts[kind] != 1));
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    return total;
}

int64_t process_clock_ns(const struct process *process, clockid_t clock)
{
    int64_t now_ns = (int64_t)sched_now_ns() + process->clock_skew_ns;
    bool is_real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
                   clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;

    return now_ns + (is_real ? process->realtime_offset_ns : CLOCK_MONOTONIC_START_NS);
}
