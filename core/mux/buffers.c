#include "core/mux/buffers.h"

#include <string.h>

#include "core/plant/plant.h"
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
              (count_max + BUFFERS_RESERVE) * BUFFER_KINDS * workers);
    buffers->size_bytes = size_bytes;
    buffers->count_max = count_max;
    buffers->workers = workers;
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

static struct buffer_wait *first_of(const struct buffer_share *share, enum buffer_kind kind)
{
    const struct list *waiting = &share->waiting[kind];

    return list_is_empty(waiting) ? NULL : LIST_ENTRY(waiting->next, struct buffer_wait, link);
}

static bool has_room(const struct buffers *buffers, const struct buffer_share *share,
                     enum buffer_kind kind, bool is_ahead)
{
    return share->count[kind] < buffers->count_max + (is_ahead ? BUFFERS_RESERVE : 0);
}

/* It stays first until it has tried, so that nobody comes between. */
static void wake_first(struct buffer_share *share, enum buffer_kind kind)
{
    struct buffer_wait *first = first_of(share, kind);

    if (first != NULL)
        tasklet_wakeup(first->tasklet);
}

static void wake_first_if_room(const struct buffers *buffers, struct buffer_share *share,
                               enum buffer_kind kind)
{
    const struct buffer_wait *first = first_of(share, kind);

    if (first != NULL && has_room(buffers, share, kind, first->is_ahead))
        wake_first(share, kind);
}

static void leave_queue(struct buffer_wait *wait)
{
    list_unlink(&wait->link);
    wait->tasklet = NULL;
    wait->is_ahead = false;
}

/* Does it go before others, and into the reserve? */
static bool goes_ahead(const struct buffer_wait *wait)
{
    return wait->has_server && !PLANT(H02);
}

static bool is_turn_of(const struct buffer_share *share, enum buffer_kind kind,
                       const struct buffer_wait *wait)
{
    const struct buffer_wait *first = first_of(share, kind);

    return first == NULL || first == wait || (goes_ahead(wait) && !first->is_ahead);
}

/* Behind the last of those who go before others, or of all. */
static void enter_queue(struct buffer_share *share, enum buffer_kind kind, struct buffer_wait *wait)
{
    struct list *waiting = &share->waiting[kind];
    struct list *next = waiting;

    wait->is_ahead = goes_ahead(wait);
    if (wait->is_ahead) {
        next = waiting->next;
        while (next != waiting && LIST_ENTRY(next, struct buffer_wait, link)->is_ahead)
            next = next->next;
    }
    list_push_tail(next, &wait->link); /* before it */
}

static void queue(struct buffer_share *share, enum buffer_kind kind, struct buffer_wait *wait,
                  struct tasklet *tasklet)
{
    if (buffer_is_waiting(wait)) {
        BUG_ON(wait->kind != kind || wait->worker != worker_id());
        wait->tasklet = tasklet;
        if (wait->is_ahead != goes_ahead(wait)) { /* it has got a server, or lost it */
            list_unlink(&wait->link);
            enter_queue(share, kind, wait);
        }
        return;
    }
    MARK("buffer.waits");
    wait->kind = kind;
    wait->worker = worker_id();
    wait->tasklet = tasklet;
    enter_queue(share, kind, wait);
}

bool buffer_take(struct buffers *buffers, enum buffer_kind kind, struct buf *buf,
                 struct buffer_wait *wait, struct tasklet *tasklet)
{
    struct buffer_share *share = &buffers->shares[worker_id()];
    bool is_turn = is_turn_of(share, kind, wait);
    void *area = NULL;

    BUG_ON(buf->area != NULL);
    if (is_turn && has_room(buffers, share, kind, goes_ahead(wait)))
        area = pool_take(&buffers->pool);
    if (area == NULL) {
        queue(share, kind, wait, tasklet);
        /* Only a give wakes those who wait, and none may come for long. With room left it was the
         * allocator that refused, and may not next time; or who was woken does not go first any
         * more. */
        wake_first_if_room(buffers, share, kind);
        return false;
    }
    if (buffer_is_waiting(wait))
        leave_queue(wait);
    if (share->count[kind] >= buffers->count_max)
        MARK("buffer.reserve");
    share->count[kind]++;
    buf_init(buf, area, buffers->size_bytes);
    *mark_of(buffers, buf) = worker_id();
    wake_first_if_room(buffers, share, kind);
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
    wake_first_if_room(buffers, share, kind);
}

void buffer_wait_cancel(struct buffers *buffers, struct buffer_wait *wait)
{
    struct buffer_share *share = &buffers->shares[wait->worker];

    if (!buffer_is_waiting(wait))
        return;
    leave_queue(wait);
    /* It may have been woken and not tried yet: its turn passes to the next. */
    wake_first_if_room(buffers, share, wait->kind);
}

bool buffers_are_short(const struct buffers *buffers, enum buffer_kind kind)
{
    return buffers->shares[worker_id()].count[kind] > buffers->count_max;
}

void buffers_check(const struct buffers *buffers, bool is_quiet)
{
    unsigned sum = 0;

    if (!is_quiet)
        return;
    for (unsigned i = 0; i < buffers->workers; i++) {
        const struct buffer_share *share = &buffers->shares[i];
        for (unsigned kind = 0; kind < BUFFER_KINDS; kind++) {
            const struct buffer_wait *first = first_of(share, kind);
            BUG_ON(share->count[kind] > buffers->count_max + BUFFERS_RESERVE);
            BUG_ON(first != NULL && has_room(buffers, share, kind, first->is_ahead));
            sum += share->count[kind];
        }
    }
    BUG_ON(sum != pool_count(&buffers->pool));
}
