/*
 * sim/kernel/device.c - see device.h.
 */
#include "sim/kernel/device.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include "sim/base/random.h"
#include "sim/choice/choice.h"
#include "sim/kernel/kernel.h"

void (*device_output)(const void *bytes, size_t len_bytes);

struct device {
    struct file file;
    enum device_kind kind;
};

static enum file_kind kind_of(const struct file *file)
{
    (void)file;
    return FILE_DEVICE;
}

static uint32_t poll_device(struct file *file)
{
    (void)file;
    return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
}

void device_random_bytes(const struct io_vector *to, size_t len_bytes)
{
    if (!kernel->has_random_state) {
        kernel->has_random_state = true;
        kernel->random_state = choice_draw_even(CHOICE_RANGE, UINT32_C(1) << 31);
    }
    for (size_t done = 0; done < len_bytes; done += sizeof(uint64_t)) {
        uint64_t word = random_next(&kernel->random_state);
        size_t left = len_bytes - done;
        io_copy_out(to, done, &word, left < sizeof(word) ? left : sizeof(word));
    }
}

static int64_t read_device(struct file *file, const struct io_vector *to)
{
    static const char zeroes[4096];
    const struct device *device = CONTAINER(file, struct device, file);

    switch (device->kind) {
    case DEVICE_NULL:
    case DEVICE_OUTPUT:
        return 0;
    case DEVICE_ZERO:
        for (size_t done = 0; done < to->total_bytes; done += sizeof(zeroes)) {
            size_t left = to->total_bytes - done;
            io_copy_out(to, done, zeroes, left < sizeof(zeroes) ? left : sizeof(zeroes));
        }
        break;
    case DEVICE_RANDOM:
        device_random_bytes(to, to->total_bytes);
        break;
    }
    return (int64_t)to->total_bytes;
}

static int64_t write_device(struct file *file, const struct io_vector *from)
{
    const struct device *device = CONTAINER(file, struct device, file);
    char chunk[512];

    for (size_t done = 0; device->kind == DEVICE_OUTPUT && done < from->total_bytes;) {
        const size_t left = from->total_bytes - done;
        const size_t bytes = left < sizeof(chunk) ? left : sizeof(chunk);
        io_copy_in(from, done, chunk, bytes);
        if (device_output != NULL)
            device_output(chunk, bytes);
        done += bytes;
    }
    return (int64_t)from->total_bytes;
}

static void release_device(struct file *file)
{
    kmem_give(CONTAINER(file, struct device, file), sizeof(struct device));
}

static const struct file_ops random_ops = {
    .kind = kind_of,
    .poll = poll_device,
    .read = read_device,
    .write = write_device,
    .release = release_device,
};

static const struct file_ops device_ops = {
    .kind = kind_of,
    .poll = poll_device,
    .read = read_device,
    .write = write_device,
    .release = release_device,
    .has_no_poll = true,
};

struct file *device_new(enum device_kind kind, int flags)
{
    struct device *device = kmem_take(sizeof(*device));

    file_init(&device->file, kind == DEVICE_RANDOM ? &random_ops : &device_ops,
              (uint32_t)flags & (O_ACCMODE | O_NONBLOCK | O_APPEND));
    device->kind = kind;
    return &device->file;
}

struct file *device_open(const char *path, int flags)
{
    static const struct {
        const char *path;
        enum device_kind kind;
    } devices[] = {
        {"/dev/null", DEVICE_NULL},
        {"/dev/zero", DEVICE_ZERO},
        {"/dev/random", DEVICE_RANDOM},
        {"/dev/urandom", DEVICE_RANDOM},
    };

    for (size_t i = 0; i < ARRAY_COUNT(devices); i++) {
        if (strcmp(path, devices[i].path) == 0)
            return device_new(devices[i].kind, flags);
    }
    return NULL;
}
