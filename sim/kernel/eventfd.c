/*
 * sim/kernel/eventfd.c - see eventfd.h.
 */
#include "sim/kernel/eventfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "sim/kernel/kernel.h"

static struct eventfd *of(const struct file *file)
{
    return CONTAINER(file, struct eventfd, file);
}

static enum file_kind kind_of(const struct file *file)
{
    (void)file;
    return FILE_EVENTFD;
}

static uint32_t poll_eventfd(struct file *file)
{
    uint64_t count = of(file)->count;
    uint32_t mask = 0;

    if (count > 0)
        mask |= EPOLLIN;
    if (count == UINT64_MAX)
        mask |= EPOLLERR;
    if (count < UINT64_MAX - 1)
        mask |= EPOLLOUT;
    return mask;
}

static int64_t read_eventfd(struct file *file, const struct io_vector *to)
{
    struct eventfd *eventfd = of(file);
    uint64_t value;

    if (to->total_bytes < sizeof(value))
        return -EINVAL;
    if (eventfd->count == 0)
        return -EAGAIN;
    value = eventfd->is_semaphore ? 1 : eventfd->count;
    io_copy_out(to, 0, &value, sizeof(value));
    eventfd->count -= value;
    file_wake(file, EPOLLOUT);
    return sizeof(value);
}

static int64_t write_eventfd(struct file *file, const struct io_vector *from)
{
    struct eventfd *eventfd = of(file);
    uint64_t value;

    if (from->total_bytes < sizeof(value))
        return -EINVAL;
    io_copy_in(from, 0, &value, sizeof(value));
    if (value == UINT64_MAX)
        return -EINVAL;
    if (UINT64_MAX - eventfd->count <= value)
        return -EAGAIN;
    eventfd->count += value;
    file_wake(file, EPOLLIN);
    return sizeof(value);
}

static void release_eventfd(struct file *file)
{
    kmem_give(of(file), sizeof(struct eventfd));
}

static const struct file_ops eventfd_ops = {
    .kind = kind_of,
    .poll = poll_eventfd,
    .read = read_eventfd,
    .write = write_eventfd,
    .release = release_eventfd,
};

struct file *eventfd_new(uint32_t initial, int flags)
{
    struct eventfd *eventfd = kmem_take(sizeof(*eventfd));

    file_init(&eventfd->file, &eventfd_ops, O_RDWR | ((uint32_t)flags & EFD_NONBLOCK));
    eventfd->count = initial;
    eventfd->is_semaphore = (flags & EFD_SEMAPHORE) != 0;
    return &eventfd->file;
}
