#include "core/mux/buffers.h"

#include <string.h>

#include "core/rt/task.h"

/* Behind the bytes: the worker whose share it is of. */
static size_t mark_offset(size_t size_bytes)
{
    return (size_bytes + sizeof(int) - 1) / sizeof(int) * sizeof(int);
}

static int *mark_of(const struct buffers *buffers, const struct buf *buf)
{
    return (int *)(void *)(buf->area + mark_offset(buffers->size_bytes));
}

void buffers_init(struct buffers *buffers, size_t size_bytes, unsigned count_max, unsigned workers)
{
    BUG_ON(count_max == 0 || workers == 0 || workers > WORKERS_MAX);
    memset(buffers, 0, sizeof(*buffers));
    pool_init(&buffers->pool, "buffer", mark_offset(size_bytes) + sizeof(int),
              count_max * BUFFER_KINDS * workers);
    buffers->size_bytes = size_bytes;
    buffers->count_max = count_max;
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        for (unsigned kind = 0; kind < BUFFER_KINDS; kind++)
            list_init(&buffers->shares[i].waiting[kind]);
    }
}

void buffers_fini(struct buffers *buffers)
{
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        for (unsigned kind = 0; kind < BUFFER_KINDS; kind++)
            BUG_ON(!list_is_empty(&buffers->shares[i].waiting[kind]));
    }
    pool_fini(&buffers->pool);
}

/* It stays first until it has tried, so that nobody comes between. */
static void wake_first(struct buffer_share *share, enum buffer_kind kind)
{
    struct list *waiting = &share->waiting[kind];

    if (!list_is_empty(waiting))
        tasklet_wakeup(LIST_ENTRY(waiting->next, struct buffer_wait, link)->tasklet);
}

static void leave_queue(struct buffer_wait *wait)
{
    list_unlink(&wait->link);
    wait->tasklet = NULL;
}

static bool is_turn_of(const struct buffer_share *share, enum buffer_kind kind,
                       const struct buffer_wait *wait)
{
    const struct list *waiting = &share->waiting[kind];

    return list_is_empty(waiting) ||
           (buffer_is_waiting(wait) && waiting->next == &wait->link && wait->kind == kind);
}

static void queue(struct buffer_share *share, enum buffer_kind kind, struct buffer_wait *wait,
                  struct tasklet *tasklet)
{
    if (buffer_is_waiting(wait)) {
        BUG_ON(wait->kind != kind || wait->worker != worker_id());
        wait->tasklet = tasklet;
        return;
    }
    MARK("buffer.waits");
    wait->kind = kind;
    wait->worker = worker_id();
    wait->tasklet = tasklet;
    list_push_tail(&share->waiting[kind], &wait->link);
}

bool buffer_take(struct buffers *buffers, enum buffer_kind kind, struct buf *buf,
                 struct buffer_wait *wait, struct tasklet *tasklet)
{
    struct buffer_share *share = &buffers->shares[worker_id()];
    bool is_turn = is_turn_of(share, kind, wait);
    void *area = NULL;

    BUG_ON(buf->area != NULL);
    if (is_turn && share->count[kind] < buffers->count_max)
        area = pool_take(&buffers->pool);
    if (area == NULL) {
        queue(share, kind, wait, tasklet);
        /* Only a give wakes those who wait, and none may come for long. With room left it was the
         * allocator that refused, and may not next time. */
        if (share->count[kind] < buffers->count_max)
            wake_first(share, kind);
        return false;
    }
    if (buffer_is_waiting(wait))
        leave_queue(wait);
    share->count[kind]++;
    buf_init(buf, area, buffers->size_bytes);
    *mark_of(buffers, buf) = worker_id();
    if (share->count[kind] < buffers->count_max)
        wake_first(share, kind);
    return true;
}

void buffer_give(struct buffers *buffers, enum buffer_kind kind, struct buf *buf)
{
    if (buf->area == NULL)
        return;
    struct buffer_share *share = &buffers->shares[*mark_of(buffers, buf)];
    BUG_ON(share->count[kind] == 0);
    share->count[kind]--;
    pool_give(&buffers->pool, buf->area);
    memset(buf, 0, sizeof(*buf));
    wake_first(share, kind);
}

void buffer_wait_cancel(struct buffers *buffers, struct buffer_wait *wait)
{
    struct buffer_share *share = &buffers->shares[wait->worker];
    enum buffer_kind kind = wait->kind;

    if (!buffer_is_waiting(wait))
        return;
    leave_queue(wait);
    /* It may have been woken and not tried yet: its turn passes to the next. */
    if (share->count[kind] < buffers->count_max)
        wake_first(share, kind);
}

void buffers_check(const struct buffers *buffers, bool is_quiet)
{
    unsigned sum = 0;

    if (!is_quiet)
        return;
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        const struct buffer_share *share = &buffers->shares[i];
        for (unsigned kind = 0; kind < BUFFER_KINDS; kind++) {
            BUG_ON(share->count[kind] > buffers->count_max);
            BUG_ON(!list_is_empty(&share->waiting[kind]) &&
                   share->count[kind] < buffers->count_max);
            sum += share->count[kind];
        }
    }
    BUG_ON(sum != pool_count(&buffers->pool));
}
