/*
 * sim/kernel/epoll.c - see epoll.h.
 *
 * The order of things follows fs/eventpoll.c: who is woken, when an item joins the ready list, and
 * where. The differential test holds it to that.
 */
#include "sim/kernel/epoll.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "sim/choice/choice.h"
#include "sim/kernel/kernel.h"

enum {
    BUCKETS_FIRST = 8,
    ORDER_STEPS = 64, /* how far down the ready list the next event may be taken from */
    PRIVATE_BITS = (int)(EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE),
    INOUT_BITS = EPOLLIN | EPOLLOUT,
    EXCLUSIVE_OK_BITS =
        (int)(INOUT_BITS | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE),
};

static const struct file_ops epoll_ops;

struct epoll *epoll_of(struct file *file)
{
    return file->ops == &epoll_ops ? CONTAINER(file, struct epoll, file) : NULL;
}

/* ---- the ready list ---- */

static void ready_add(struct epoll_ready *ready, struct epoll_item *item)
{
    if (item->is_ready)
        return;
    item->is_ready = true;
    item->ready_next = NULL;
    item->ready_prev = ready->tail;
    if (ready->tail == NULL)
        ready->head = item;
    else
        ready->tail->ready_next = item;
    ready->tail = item;
    ready->count++;
}

static void ready_remove(struct epoll_ready *ready, struct epoll_item *item)
{
    if (!item->is_ready)
        return;
    if (item->ready_prev == NULL)
        ready->head = item->ready_next;
    else
        item->ready_prev->ready_next = item->ready_next;
    if (item->ready_next == NULL)
        ready->tail = item->ready_prev;
    else
        item->ready_next->ready_prev = item->ready_prev;
    item->is_ready = false;
    ready->count--;
}

/* Those of `after` come behind those of `ready`. */
static void ready_append(struct epoll_ready *ready, const struct epoll_ready *after)
{
    if (after->head == NULL)
        return;
    after->head->ready_prev = ready->tail;
    if (ready->tail == NULL)
        ready->head = after->head;
    else
        ready->tail->ready_next = after->head;
    ready->tail = after->tail;
    ready->count += after->count;
}

static uint32_t poll_item(const struct epoll_item *item)
{
    return file_poll(item->file) & item->events;
}

/* Tells one thread in epoll_wait, and the epolls and polls that watch this one. */
static void announce(struct epoll *epoll, uint32_t mask)
{
    watch_list_wake(&epoll->waiters, EPOLLIN);
    file_wake(&epoll->file, EPOLLIN | mask);
}

/* Whether this wake was spent on a thread that waits here, when the item is exclusive. */
static bool takes_wake(const struct epoll_item *item, uint32_t mask, bool had_waiter)
{
    if ((item->events & EPOLLEXCLUSIVE) == 0)
        return true;
    if (!had_waiter)
        return false;
    switch (mask & INOUT_BITS) {
    case EPOLLIN:
        return (item->events & EPOLLIN) != 0;
    case EPOLLOUT:
        return (item->events & EPOLLOUT) != 0;
    case 0:
        return true;
    default:
        return false;
    }
}

static bool notify_item(struct watch *watch, uint32_t mask)
{
    struct epoll_item *item = watch->context;
    bool had_waiter = item->epoll->waiters.head != NULL;

    if ((item->events & ~(uint32_t)PRIVATE_BITS) == 0 || (mask != 0 && (mask & item->events) == 0))
        return (item->events & EPOLLEXCLUSIVE) == 0;
    ready_add(&item->epoll->ready, item);
    announce(item->epoll, mask);
    return takes_wake(item, mask, had_waiter);
}

/* ---- registrations ---- */

static struct epoll_item **bucket_of(const struct epoll *epoll, int fd)
{
    return &epoll->buckets[(uint32_t)fd & (epoll->bucket_count - 1)];
}

static struct epoll_item *find(const struct epoll *epoll, const struct file *file, int fd)
{
    if (epoll->bucket_count == 0)
        return NULL;
    for (struct epoll_item *item = *bucket_of(epoll, fd); item != NULL; item = item->bucket_next) {
        if (item->fd == fd && item->file == file)
            return item;
    }
    return NULL;
}

static void make_room(struct epoll *epoll)
{
    struct epoll_item **old = epoll->buckets;
    uint32_t old_count = epoll->bucket_count;

    if (epoll->item_count < old_count)
        return;
    epoll->bucket_count = old_count == 0 ? BUCKETS_FIRST : old_count * 2;
    epoll->buckets = kmem_take(epoll->bucket_count * sizeof(struct epoll_item *));
    for (uint32_t i = 0; i < old_count; i++) {
        struct epoll_item *next;
        for (struct epoll_item *item = old[i]; item != NULL; item = next) {
            struct epoll_item **bucket = bucket_of(epoll, item->fd);
            next = item->bucket_next;
            item->bucket_next = *bucket;
            *bucket = item;
        }
    }
    kmem_give(old, old_count * sizeof(struct epoll_item *));
}

static int add_item(struct epoll *epoll, int fd, struct file *target,
                    const struct epoll_event *event)
{
    struct epoll_item *item = kmem_take(sizeof(*item));

    make_room(epoll);
    item->epoll = epoll;
    item->file = target;
    item->fd = fd;
    item->events = event->events | EPOLLERR | EPOLLHUP;
    item->data = event->data;
    item->watch.notify = notify_item;
    item->watch.context = item;
    item->bucket_next = *bucket_of(epoll, fd);
    *bucket_of(epoll, fd) = item;
    epoll->item_count++;
    item->file_next = target->epoll_items;
    item->file_prev = &target->epoll_items;
    if (target->epoll_items != NULL)
        target->epoll_items->file_prev = &item->file_next;
    target->epoll_items = item;
    watch_list_add(&target->watches, &item->watch, (item->events & EPOLLEXCLUSIVE) != 0);
    if (poll_item(item) != 0) {
        ready_add(&epoll->ready, item);
        announce(epoll, 0);
    }
    return 0;
}

static int modify_item(struct epoll_item *item, const struct epoll_event *event)
{
    struct epoll *epoll = item->epoll;

    item->events = event->events | EPOLLERR | EPOLLHUP;
    item->data = event->data;
    if (poll_item(item) != 0 && !item->is_ready) {
        ready_add(&epoll->ready, item);
        announce(epoll, 0);
    }
    return 0;
}

static void remove_item(struct epoll_item *item)
{
    struct epoll *epoll = item->epoll;
    struct epoll_item **link = bucket_of(epoll, item->fd);

    while (*link != item)
        link = &(*link)->bucket_next;
    *link = item->bucket_next;
    epoll->item_count--;
    *item->file_prev = item->file_next;
    if (item->file_next != NULL)
        item->file_next->file_prev = item->file_prev;
    ready_remove(&epoll->ready, item);
    watch_remove(&item->watch);
    kmem_give(item, sizeof(*item));
}

void epoll_forget_file(struct file *file)
{
    while (file->epoll_items != NULL)
        remove_item(file->epoll_items);
}

/* ---- nesting ---- */

/* Levels of epolls below `epoll`; more than EPOLL_NESTING_MAX when `forbidden` is among them. */
static uint32_t depth_below(struct epoll *epoll, const struct epoll *forbidden, uint32_t level)
{
    uint32_t deepest = 0;

    if (epoll == forbidden || level > EPOLL_NESTING_MAX)
        return EPOLL_NESTING_MAX + 1;
    for (uint32_t i = 0; i < epoll->bucket_count; i++) {
        for (struct epoll_item *item = epoll->buckets[i]; item != NULL; item = item->bucket_next) {
            struct epoll *child = epoll_of(item->file);
            uint32_t depth = child == NULL ? 0 : depth_below(child, forbidden, level + 1) + 1;
            if (depth > deepest)
                deepest = depth;
        }
    }
    return deepest;
}

static uint32_t depth_above(const struct epoll *epoll, uint32_t level)
{
    uint32_t highest = 0;

    if (level > EPOLL_NESTING_MAX)
        return level;
    for (const struct epoll_item *item = epoll->file.epoll_items; item != NULL;
         item = item->file_next) {
        uint32_t depth = depth_above(item->epoll, level + 1) + 1;
        if (depth > highest)
            highest = depth;
    }
    return highest;
}

static bool nests_too_deep(const struct epoll *epoll, struct epoll *target)
{
    uint32_t below = depth_below(target, epoll, 0);

    return below > EPOLL_NESTING_MAX || below + 1 + depth_above(epoll, 0) > EPOLL_NESTING_MAX;
}

/* ---- calls ---- */

static int check_exclusive(int op, const struct file *target, const struct epoll_event *event)
{
    if (op == EPOLL_CTL_DEL || (event->events & EPOLLEXCLUSIVE) == 0)
        return 0;
    if (op == EPOLL_CTL_MOD || target->ops == &epoll_ops ||
        (event->events & ~(uint32_t)EXCLUSIVE_OK_BITS) != 0)
        return -EINVAL;
    return 0;
}

int epoll_ctl_file(struct file *file, int op, int fd, struct file *target,
                   const struct epoll_event *event)
{
    struct epoll *epoll = epoll_of(file);
    struct epoll *inner = epoll_of(target);
    struct epoll_item *item;

    if (target->ops->has_no_poll)
        return -EPERM;
    if (epoll == NULL || target == file)
        return -EINVAL;
    if (check_exclusive(op, target, event) != 0)
        return -EINVAL;
    if (op == EPOLL_CTL_ADD && inner != NULL && nests_too_deep(epoll, inner))
        return -ELOOP;
    item = find(epoll, target, fd);
    switch (op) {
    case EPOLL_CTL_ADD:
        return item != NULL ? -EEXIST : add_item(epoll, fd, target, event);
    case EPOLL_CTL_MOD:
        if (item == NULL)
            return -ENOENT;
        return (item->events & EPOLLEXCLUSIVE) != 0 ? -EINVAL : modify_item(item, event);
    case EPOLL_CTL_DEL:
        if (item == NULL)
            return -ENOENT;
        remove_item(item);
        return 0;
    default:
        return -EINVAL;
    }
}

/* The next item to look at: the first, or another by choice. */
static struct epoll_item *pick(const struct epoll_ready *ready)
{
    struct epoll_item *item = ready->head;

    if (ready->count > 1) {
        uint32_t among = ready->count < ORDER_STEPS ? ready->count : ORDER_STEPS;
        for (uint32_t skip = choice_draw(CHOICE_EPOLL_ORDER, among);
             skip > 0 && item->ready_next != NULL; skip--)
            item = item->ready_next;
    }
    return item;
}

int epoll_collect(struct epoll *epoll, struct epoll_event *events, int events_max,
                  struct epoll_item **first)
{
    struct epoll_ready scan = epoll->ready;
    struct epoll_ready again;
    int count = 0;

    /* What comes in from here on, level-triggered items reported included, queues up behind what is
     * left of the scan. */
    epoll->ready = (struct epoll_ready){0};
    while (count < events_max && scan.head != NULL) {
        struct epoll_item *item = pick(&scan);
        uint32_t mask;

        ready_remove(&scan, item);
        mask = poll_item(item);
        if (mask == 0)
            continue;
        if (count == 0 && first != NULL)
            *first = item;
        events[count++] = (struct epoll_event){.events = mask, .data = item->data};
        if ((item->events & EPOLLONESHOT) != 0)
            item->events &= (uint32_t)PRIVATE_BITS;
        else if ((item->events & EPOLLET) == 0)
            ready_add(&epoll->ready, item);
    }
    again = epoll->ready;
    epoll->ready = scan;
    ready_append(&epoll->ready, &again);
    if (epoll->ready.head != NULL)
        watch_list_wake(&epoll->waiters, EPOLLIN);
    return count;
}

static enum file_kind kind_of(const struct file *file)
{
    (void)file;
    return FILE_EPOLL;
}

/* As Linux: items found not to be ready any more leave the list here too. */
static uint32_t poll_epoll(struct file *file)
{
    struct epoll *epoll = epoll_of(file);

    while (epoll->ready.head != NULL) {
        if (poll_item(epoll->ready.head) != 0)
            return EPOLLIN | EPOLLRDNORM;
        ready_remove(&epoll->ready, epoll->ready.head);
    }
    return 0;
}

static void release_epoll(struct file *file)
{
    struct epoll *epoll = epoll_of(file);

    for (uint32_t i = 0; i < epoll->bucket_count; i++) {
        while (epoll->buckets[i] != NULL)
            remove_item(epoll->buckets[i]);
    }
    kmem_give(epoll->buckets, epoll->bucket_count * sizeof(struct epoll_item *));
    kmem_give(epoll, sizeof(*epoll));
}

static const struct file_ops epoll_ops = {
    .kind = kind_of,
    .poll = poll_epoll,
    .release = release_epoll,
};

struct file *epoll_new(void)
{
    struct epoll *epoll = kmem_take(sizeof(*epoll));

    file_init(&epoll->file, &epoll_ops, O_RDWR);
    return &epoll->file;
}
