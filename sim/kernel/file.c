/*
 * sim/kernel/file.c - see file.h.
 */
#include "sim/kernel/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "sim/kernel/epoll.h"
#include "sim/kernel/kernel.h"

enum {
    IO_TOTAL_BYTES_MAX = INT_MAX & ~4095, /* Linux MAX_RW_COUNT */
    SHORT_STEPS = 65536,
};

void (*io_check_user)(const void *memory, size_t len_bytes, bool is_write);

/* ---- watches ---- */

void watch_list_add(struct watch_list *list, struct watch *watch, bool is_exclusive)
{
    KERNEL_CHECK(watch->list == NULL);
    watch->list = list;
    watch->is_exclusive = is_exclusive;
    watch->prev = is_exclusive ? list->tail : NULL;
    watch->next = is_exclusive ? NULL : list->head;
    if (watch->prev == NULL)
        list->head = watch;
    else
        watch->prev->next = watch;
    if (watch->next == NULL)
        list->tail = watch;
    else
        watch->next->prev = watch;
}

void watch_remove(struct watch *watch)
{
    struct watch_list *list = watch->list;

    if (list == NULL)
        return;
    if (watch->prev == NULL)
        list->head = watch->next;
    else
        watch->prev->next = watch->next;
    if (watch->next == NULL)
        list->tail = watch->prev;
    else
        watch->next->prev = watch->prev;
    watch->list = NULL;
    watch->prev = NULL;
    watch->next = NULL;
}

void watch_list_wake(struct watch_list *list, uint32_t mask)
{
    struct watch *next;

    for (struct watch *watch = list->head; watch != NULL; watch = next) {
        bool is_exclusive = watch->is_exclusive;
        next = watch->next;
        if (watch->notify(watch, mask) && is_exclusive && mask != 0)
            return;
    }
}

void file_wake(struct file *file, uint32_t mask)
{
    file->change_serial = ++kernel->change_serial;
    watch_list_wake(&file->watches, mask);
}

static void fire_lane_watch(struct timer *timer)
{
    struct lane_watch *watch = timer->context;
    uint32_t mask = watch->mask;

    watch->mask = 0;
    watch->fire(watch, mask);
}

static bool notify_lane(struct watch *base, uint32_t mask)
{
    struct lane_watch *watch = base->context;

    watch->mask |= mask == 0 ? ~UINT32_C(0) : mask;
    if (!timer_is_armed(&watch->timer))
        timer_arm(&watch->timer, watch->lane, sched_now_ns(), fire_lane_watch, watch);
    return true;
}

void lane_watch_begin(struct lane_watch *watch, struct file *file, struct vthread *lane,
                      void (*fire)(struct lane_watch *, uint32_t), void *context)
{
    memset(watch, 0, sizeof(*watch));
    watch->fire = fire;
    watch->context = context;
    watch->lane = lane;
    watch->watch.notify = notify_lane;
    watch->watch.context = watch;
    watch_list_add(&file->watches, &watch->watch, false);
    notify_lane(&watch->watch, 0);
}

void lane_watch_end(struct lane_watch *watch)
{
    watch_remove(&watch->watch);
    timer_cancel(&watch->timer);
}

/* ---- files ---- */

void file_init(struct file *file, const struct file_ops *ops, uint32_t status_flags)
{
    file->ops = ops;
    file->refs = 1;
    file->serial = ++kernel->file_serial;
    file->status_flags = status_flags;
}

struct file *file_get(struct file *file)
{
    file->refs++;
    return file;
}

void file_put(struct file *file)
{
    KERNEL_CHECK(file->refs > 0);
    if (--file->refs > 0)
        return;
    if (file->epoll_items != NULL)
        epoll_forget_file(file);
    /* Actors may still watch: they see nothing more. */
    while (file->watches.head != NULL)
        watch_remove(file->watches.head);
    file->ops->release(file);
}

uint32_t file_poll(struct file *file)
{
    return file->ops->poll(file);
}

int64_t file_read(struct file *file, const struct io_vector *to)
{
    if ((file->status_flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    return file->ops->read == NULL ? -EINVAL : file->ops->read(file, to);
}

int64_t file_write(struct file *file, const struct io_vector *from)
{
    if ((file->status_flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    return file->ops->write == NULL ? -EINVAL : file->ops->write(file, from);
}

void *file_sync(struct file *file, bool is_write)
{
    return file->ops->sync == NULL ? file : file->ops->sync(file, is_write);
}

static const char *const kind_words[][2] = {
#define X(name, word, words) {word, words},
    FILE_KINDS(X)
#undef X
};

const char *file_word(const struct file *file)
{
    return kind_words[file->ops->kind(file)][0];
}

const char *file_kind_word(enum file_kind kind, bool is_plural)
{
    return kind_words[kind][is_plural];
}

/* ---- copying ---- */

int io_vector_init(struct io_vector *vector, const struct iovec *parts, size_t part_count)
{
    size_t total_bytes = 0;

    if (part_count > IOV_MAX)
        return -EINVAL;
    for (size_t i = 0; i < part_count; i++) {
        if ((ssize_t)parts[i].iov_len < 0)
            return -EINVAL;
        total_bytes += parts[i].iov_len;
        if (total_bytes > IO_TOTAL_BYTES_MAX)
            total_bytes = IO_TOTAL_BYTES_MAX;
    }
    vector->parts = parts;
    vector->part_count = (uint32_t)part_count;
    vector->start_bytes = 0;
    vector->total_bytes = total_bytes;
    return 0;
}

static void copy_part(void *user, void *data, size_t len_bytes, bool is_out)
{
    if (io_check_user != NULL)
        io_check_user(user, len_bytes, is_out);
    if (is_out)
        memcpy(user, data, len_bytes);
    else
        memcpy(data, user, len_bytes);
}

static size_t copy(const struct io_vector *vector, size_t offset, void *data, size_t len_bytes,
                   bool is_out)
{
    size_t done = 0;

    offset += vector->start_bytes;
    for (uint32_t i = 0; i < vector->part_count && done < len_bytes; i++) {
        size_t part_bytes = vector->parts[i].iov_len;
        size_t chunk;

        if (offset >= part_bytes) {
            offset -= part_bytes;
            continue;
        }
        chunk = part_bytes - offset;
        if (chunk > len_bytes - done)
            chunk = len_bytes - done;
        copy_part((char *)vector->parts[i].iov_base + offset, (char *)data + done, chunk, is_out);
        done += chunk;
        offset = 0;
    }
    return done;
}

size_t io_copy_in(const struct io_vector *from, size_t offset, void *data, size_t len_bytes)
{
    return copy(from, offset, data, len_bytes, false);
}

size_t io_copy_out(const struct io_vector *to, size_t offset, const void *data, size_t len_bytes)
{
    return copy(to, offset, (void *)(uintptr_t)data, len_bytes, true);
}

size_t io_draw_short(enum choice_class class, size_t len_bytes)
{
    uint32_t drawn;

    if (len_bytes < 2 || !sched_is_simulated())
        return len_bytes;
    drawn = choice_draw(class, len_bytes < SHORT_STEPS ? (uint32_t)len_bytes : SHORT_STEPS);
    return drawn == 0 ? len_bytes : drawn;
}
