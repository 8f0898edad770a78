/*
 * sim/kernel/pipe.c - see pipe.h.
 *
 * Follows fs/pipe.c: a write begins by filling up the last page when all that does not make whole
 * pages fits there; writers are told of room when a full pipe gets a free page.
 */
#include "sim/kernel/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include "sim/choice/choice.h"
#include "sim/kernel/kernel.h"

struct pipe_end {
    struct file file;
    struct pipe *pipe;
};

static struct pipe *of(const struct file *file)
{
    return CONTAINER(file, struct pipe_end, file)->pipe;
}

static enum file_kind kind_of(const struct file *file)
{
    (void)file;
    return FILE_PIPE;
}

static struct pipe_page *last_page(struct pipe *pipe)
{
    return &pipe->pages[(pipe->first + pipe->used - 1) % PIPE_PAGES];
}

static uint32_t poll_pipe(struct file *file)
{
    struct pipe *pipe = of(file);
    uint32_t mask = 0;

    pipe->is_polled = true;
    if ((file->status_flags & O_ACCMODE) == O_RDONLY) {
        if (pipe->used > 0)
            mask |= EPOLLIN | EPOLLRDNORM;
        if (pipe->writer == NULL)
            mask |= EPOLLHUP;
    } else {
        if (pipe->used < PIPE_PAGES)
            mask |= EPOLLOUT | EPOLLWRNORM;
        if (pipe->reader == NULL)
            mask |= EPOLLERR;
    }
    return mask;
}

static int64_t readable_bytes(struct file *file)
{
    const struct pipe *pipe = of(file);
    int64_t total = 0;

    for (uint32_t i = 0; i < pipe->used; i++) {
        const struct pipe_page *page = &pipe->pages[(pipe->first + i) % PIPE_PAGES];
        total += page->end - page->begin;
    }
    return total;
}

static int64_t read_pipe(struct file *file, const struct io_vector *to)
{
    struct pipe *pipe = of(file);
    bool was_full = pipe->used == PIPE_PAGES;
    size_t wanted = to->total_bytes;
    size_t done = 0;

    if (wanted == 0)
        return 0;
    if (pipe->used == 0)
        return pipe->writer == NULL ? 0 : -EAGAIN;
    if ((int64_t)wanted > readable_bytes(file))
        wanted = (size_t)readable_bytes(file);
    wanted = io_draw_short(CHOICE_SHORT_READ, wanted);
    while (done < wanted && pipe->used > 0) {
        struct pipe_page *page = &pipe->pages[pipe->first];
        size_t chunk = page->end - page->begin;
        if (chunk > wanted - done)
            chunk = wanted - done;
        io_copy_out(to, done, page->bytes + page->begin, chunk);
        page->begin += (uint32_t)chunk;
        done += chunk;
        if (page->begin == page->end) {
            pipe->first = (pipe->first + 1) % PIPE_PAGES;
            pipe->used--;
        }
    }
    if (was_full && pipe->used < PIPE_PAGES && pipe->writer != NULL)
        file_wake(pipe->writer, EPOLLOUT | EPOLLWRNORM);
    return (int64_t)done;
}

static size_t fill_last_page(struct pipe *pipe, const struct io_vector *from, size_t wanted)
{
    size_t odd = wanted % PIPE_PAGE_BYTES;
    struct pipe_page *page;

    if (odd == 0 || pipe->used == 0)
        return 0;
    page = last_page(pipe);
    if (page->end + odd > PIPE_PAGE_BYTES)
        return 0;
    io_copy_in(from, 0, page->bytes + page->end, odd);
    page->end += (uint32_t)odd;
    return odd;
}

static int64_t write_pipe(struct file *file, const struct io_vector *from)
{
    struct pipe *pipe = of(file);
    bool was_empty = pipe->used == 0;
    size_t wanted = from->total_bytes;
    size_t done;

    if (wanted == 0)
        return 0;
    if (pipe->reader == NULL)
        return -EPIPE;
    done = fill_last_page(pipe, from, wanted);
    while (done < wanted && pipe->used < PIPE_PAGES) {
        struct pipe_page *page;
        size_t chunk = wanted - done;
        if (chunk > PIPE_PAGE_BYTES)
            chunk = PIPE_PAGE_BYTES;
        pipe->used++;
        page = last_page(pipe);
        if (page->bytes == NULL)
            page->bytes = kmem_take_raw(PIPE_PAGE_BYTES);
        page->begin = 0;
        page->end = (uint32_t)chunk;
        io_copy_in(from, done, page->bytes, chunk);
        done += chunk;
    }
    if (done == 0)
        return -EAGAIN;
    if (was_empty || pipe->is_polled)
        file_wake(pipe->reader, EPOLLIN | EPOLLRDNORM);
    return (int64_t)done;
}

static void release_end(struct file *file)
{
    struct pipe *pipe = of(file);
    struct file *other;

    if (pipe->reader == file)
        pipe->reader = NULL;
    else
        pipe->writer = NULL;
    other = pipe->reader == NULL ? pipe->writer : pipe->reader;
    kmem_give(CONTAINER(file, struct pipe_end, file), sizeof(struct pipe_end));
    if (other != NULL) {
        file_wake(other, 0);
        return;
    }
    for (uint32_t i = 0; i < PIPE_PAGES; i++)
        kmem_give(pipe->pages[i].bytes, PIPE_PAGE_BYTES);
    kmem_give(pipe, sizeof(*pipe));
}

static void *sync_of(struct file *file, bool is_write)
{
    (void)is_write;
    return of(file);
}

static const struct file_ops pipe_ops = {
    .kind = kind_of,
    .poll = poll_pipe,
    .read = read_pipe,
    .write = write_pipe,
    .readable_bytes = readable_bytes,
    .release = release_end,
    .sync = sync_of,
};

static struct file *new_end(struct pipe *pipe, uint32_t flags)
{
    struct pipe_end *end = kmem_take(sizeof(*end));

    file_init(&end->file, &pipe_ops, flags);
    end->pipe = pipe;
    return &end->file;
}

void pipe_new(int flags, struct file **reader, struct file **writer)
{
    struct pipe *pipe = kmem_take(sizeof(*pipe));
    uint32_t nonblock = (uint32_t)flags & O_NONBLOCK;

    *reader = new_end(pipe, O_RDONLY | nonblock);
    *writer = new_end(pipe, O_WRONLY | nonblock);
    pipe->reader = *reader;
    pipe->writer = *writer;
}
