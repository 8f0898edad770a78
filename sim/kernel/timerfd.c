/*
 * sim/kernel/timerfd.c - see timerfd.h.
 */
#include "sim/kernel/timerfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "sim/kernel/kernel.h"

#ifndef TFD_TIMER_CANCEL_ON_SET
#define TFD_TIMER_CANCEL_ON_SET (1 << 1)
#endif

enum { NS_PER_S = 1000000000 };
/* Far beyond any run: later deadlines are as good as never. */
#define SECONDS_MAX INT64_C(4000000000)

static struct timerfd *of(const struct file *file)
{
    return CONTAINER(file, struct timerfd, file);
}

static enum file_kind kind_of(const struct file *file)
{
    (void)file;
    return FILE_TIMERFD;
}

static uint32_t poll_timerfd(struct file *file)
{
    return of(file)->ticks > 0 ? EPOLLIN : 0;
}

/* Periods that have gone by since the timer fired are counted when somebody looks, so that a timer
 * nobody reads is one step of the clock, not thousands (Linux does the same). */
static void catch_up(struct timerfd *timerfd)
{
    uint64_t missed;

    if (timerfd->ticks == 0 || timerfd->interval_ns == 0 || sched_now_ns() < timerfd->due_ns)
        return;
    missed = (sched_now_ns() - timerfd->due_ns) / timerfd->interval_ns + 1;
    timerfd->ticks += missed;
    timerfd->due_ns += missed * timerfd->interval_ns;
}

static void fire(struct timer *timer)
{
    struct timerfd *timerfd = timer->context;

    timerfd->ticks++;
    timerfd->due_ns =
        timerfd->interval_ns == 0 ? TIME_NEVER : timerfd->due_ns + timerfd->interval_ns;
    file_wake(&timerfd->file, EPOLLIN);
}

const struct file *timerfd_of_timer(const struct timer *timer)
{
    const struct timerfd *timerfd = timer->context;

    return timer->fire == fire ? &timerfd->file : NULL;
}

static void arm(struct timerfd *timerfd)
{
    if (timerfd->due_ns != TIME_NEVER && !timer_is_armed(&timerfd->timer))
        timer_arm(&timerfd->timer, sched_clock_lane(), timerfd->due_ns, fire, timerfd);
}

static int64_t read_timerfd(struct file *file, const struct io_vector *to)
{
    struct timerfd *timerfd = of(file);

    if (to->total_bytes < sizeof(timerfd->ticks))
        return -EINVAL;
    if (timerfd->ticks == 0)
        return -EAGAIN;
    catch_up(timerfd);
    io_copy_out(to, 0, &timerfd->ticks, sizeof(timerfd->ticks));
    timerfd->ticks = 0;
    arm(timerfd);
    return sizeof(timerfd->ticks);
}

static void release_timerfd(struct file *file)
{
    struct timerfd *timerfd = of(file);

    timer_cancel(&timerfd->timer);
    kmem_give(timerfd, sizeof(*timerfd));
}

static const struct file_ops timerfd_ops = {
    .kind = kind_of,
    .poll = poll_timerfd,
    .read = read_timerfd,
    .release = release_timerfd,
};

struct file *timerfd_new(struct process *process, clockid_t clock, int flags)
{
    struct timerfd *timerfd = kmem_take(sizeof(*timerfd));

    file_init(&timerfd->file, &timerfd_ops, O_RDWR | ((uint32_t)flags & TFD_NONBLOCK));
    timerfd->process = process;
    timerfd->clock = clock;
    timerfd->due_ns = TIME_NEVER;
    return &timerfd->file;
}

bool timerfd_is(const struct file *file)
{
    return file->ops == &timerfd_ops;
}

static bool is_valid(const struct timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < NS_PER_S;
}

static uint64_t to_ns(const struct timespec *time)
{
    if (time->tv_sec > SECONDS_MAX)
        return (uint64_t)SECONDS_MAX * NS_PER_S;
    return (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_nsec;
}

static struct timespec from_ns(uint64_t ns)
{
    return (struct timespec){
        .tv_sec = (time_t)(ns / NS_PER_S),
        .tv_nsec = (long)(ns % NS_PER_S),
    };
}

void timerfd_get(struct file *file, struct itimerspec *value)
{
    struct timerfd *timerfd = of(file);

    catch_up(timerfd);
    arm(timerfd);
    value->it_interval = from_ns(timerfd->interval_ns);
    if (timerfd->due_ns == TIME_NEVER)
        value->it_value = from_ns(0);
    else if (timerfd->due_ns <= sched_now_ns())
        value->it_value = from_ns(1); /* due, its lane has not run yet */
    else
        value->it_value = from_ns(timerfd->due_ns - sched_now_ns());
}

int timerfd_set(struct file *file, int flags, const struct itimerspec *value,
                struct itimerspec *old)
{
    struct timerfd *timerfd = of(file);
    uint64_t value_ns;

    if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) != 0)
        return -EINVAL;
    if (!is_valid(&value->it_value) || !is_valid(&value->it_interval))
        return -EINVAL;
    if (old != NULL)
        timerfd_get(file, old);
    timer_cancel(&timerfd->timer);
    timerfd->ticks = 0;
    timerfd->interval_ns = to_ns(&value->it_interval);
    value_ns = to_ns(&value->it_value);
    if (value_ns == 0) {
        timerfd->due_ns = TIME_NEVER;
        return 0;
    }
    if ((flags & TFD_TIMER_ABSTIME) != 0) {
        int64_t ahead_ns = (int64_t)value_ns - process_clock_ns(timerfd->process, timerfd->clock);
        value_ns = ahead_ns > 0 ? (uint64_t)ahead_ns : 0;
    }
    timerfd->due_ns = sched_now_ns() + value_ns;
    arm(timerfd);
    return 0;
}
