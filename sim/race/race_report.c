/*
 * sim/race/race_report.c - a data race in words: both sides, their stacks, what the memory is.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/race/internal.h"
#include "sim/vthread/identity.h"

enum { REPORT_FRAMES = 8 };

struct block;
struct held_lock;

/* sim/memory, when it is linked. */
struct block *block_around(const volatile void *address) __attribute__((weak));
void block_explain(const struct block *block, char *out, size_t out_bytes) __attribute__((weak));

/* sim/posix, when it is linked. */
void posix_held_locks(const struct vthread *thread,
                      void (*each)(void *context, const struct held_lock *held), void *context)
    __attribute__((weak));
bool object_name(const volatile void *address, char *out, size_t out_bytes) __attribute__((weak));

static struct {
    struct finding findings[RACE_COLLECTED_MAX];
    const void *pcs[RACE_COLLECTED_MAX][2]; /* lower first */
    size_t count;
} collected;

/* In the run's arena. */
struct benign {
    uintptr_t address;
    size_t size_bytes;
    struct benign *next;
};
static struct benign *benign_places;

void race_benign_begin(void)
{
    benign_places = NULL;
}

void race_benign_add(uintptr_t address, size_t size_bytes)
{
    struct benign *benign = arena_take(sched_arena(), sizeof(*benign));

    *benign = (struct benign){.address = address, .size_bytes = size_bytes, .next = benign_places};
    benign_places = benign;
}

static bool is_benign(uintptr_t address)
{
    for (const struct benign *benign = benign_places; benign != NULL; benign = benign->next) {
        if (address - benign->address < benign->size_bytes)
            return true;
    }
    return false;
}

struct text {
    char bytes[FINDING_DETAIL_BYTES];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text->bytes + text->used, sizeof(text->bytes) - text->used, format, args);
    va_end(args);
    if (len > 0)
        text->used += (size_t)len;
    if (text->used >= sizeof(text->bytes))
        text->used = sizeof(text->bytes) - 1;
}

static void add_stack(struct text *text, uint32_t stack)
{
    const void *pcs[REPORT_FRAMES];
    size_t count = callstack_pcs(stack, pcs, REPORT_FRAMES);

    if (count == 0)
        add(text, " ?");
    for (size_t i = 0; i < count; i++)
        add(text, "%s {pc:%lx}", i == 0 ? "" : " <-", (unsigned long)(uintptr_t)pcs[i]);
}

/* "atomic write of 4 bytes by w1 in f <- g <- main" */
static void add_side(struct text *text, const char *when, uint64_t record, const char *what)
{
    unsigned kind = record_kind(record);
    int size_bytes = __builtin_popcount(record_mask(record));

    add(text, "%s: ", when);
    if (what != NULL)
        add(text, "%s", what);
    else
        add(text, "%s%s of %d byte%s", (kind & KIND_ATOMIC) != 0 ? "atomic " : "",
            (kind & KIND_WRITE) != 0 ? "write" : "read", size_bytes, size_bytes == 1 ? "" : "s");
    add(text, " by %s in", race.threads[record_thread(record)]->thread->name);
    add_stack(text, record_stack(record));
    add(text, "\n");
}

static void add_lock(void *context, const struct held_lock *held)
{
    struct text *text = context;
    const void *object = *(const void *const *)(const void *)held; /* its first member */
    char name[64];

    if (object_name != NULL && object_name(object, name, sizeof(name)))
        add(text, " %s", name);
    else
        add(text, " a lock");
}

static void add_locks(struct text *text, const struct vthread *thread)
{
    size_t before = text->used;

    if (posix_held_locks == NULL)
        return;
    add(text, "held by %s now:", thread->name);
    size_t after = text->used;
    posix_held_locks(thread, add_lock, text);
    if (text->used == after)
        text->used = before;
    else
        add(text, "\n");
    text->bytes[text->used] = '\0';
}

static const char *end_words(const struct vthread *thread)
{
    return thread->state == VTHREAD_DONE ? ", which has ended" : "";
}

/* On whose stack, or in whose thread-local storage: of those that borrowed it, the last. */
static bool add_thread_place(struct text *text, uintptr_t address)
{
    for (uint32_t i = race.thread_count; i-- > 0;) {
        const struct vthread *thread = race.threads[i]->thread;
        const struct identity *identity = thread->identity;
        uintptr_t bottom = (uintptr_t)identity->stack_bottom;
        if (address - bottom >= identity->tls_base - bottom)
            continue;
        bool is_stack = address < (uintptr_t)identity->stack_top;
        add(text, "memory: %s of %s%s\n", is_stack ? "the stack" : "thread-local storage",
            thread->name, end_words(thread));
        return true;
    }
    return false;
}

static void add_place(struct text *text, uintptr_t address)
{
    char words[1024];
    const struct block *block = NULL;
    bool is_named = object_name != NULL && object_name((const void *)address, words, sizeof(words));

    if (is_named)
        add(text, "memory: %s\n", words);
    if (block_around != NULL)
        block = block_around((const void *)address);
    if (block != NULL) {
        block_explain(block, words, sizeof(words)); /* lines, each with its end */
        add(text, "memory: in %s", words);
    } else if (!is_named && !add_thread_place(text, address)) {
        add(text, "memory: the variable {data:%lx}\n", (unsigned long)address);
    }
}

/* True when this pair of places is new, and there is room for it. */
static bool is_new(const void *one, const void *other)
{
    const void *low = one < other ? one : other;
    const void *high = one < other ? other : one;

    for (size_t i = 0; i < collected.count; i++) {
        if (collected.pcs[i][0] == low && collected.pcs[i][1] == high)
            return false;
    }
    if (collected.count == RACE_COLLECTED_MAX)
        return false;
    collected.pcs[collected.count][0] = low;
    collected.pcs[collected.count][1] = high;
    return true;
}

static void collect(const void *pc, const char *title, const char *detail)
{
    struct finding *finding = &collected.findings[collected.count++];

    *finding = (struct finding){.kind = FINDING_DATA_RACE,
                                .step = sched.steps,
                                .time_ns = sched.now_ns,
                                .thread_id = sched.current->id,
                                .pc = pc};
    (void)snprintf(finding->title, sizeof(finding->title), "%s", title);
    (void)snprintf(finding->detail, sizeof(finding->detail), "%s", detail);
}

void race_report(struct race_thread *self, uintptr_t address, uint64_t earlier, uint64_t now,
                 const char *what, const void *pc)
{
    const void *earlier_pc = NULL;
    struct text text = {.used = 0};
    char title[FINDING_TITLE_BYTES];
    uint32_t shared = record_mask(earlier) & record_mask(now);

    address += (uintptr_t)__builtin_ctz(shared);
    if (is_benign(address))
        return;
    (void)callstack_pcs(record_stack(earlier), &earlier_pc, 1);
    if (race.is_keep_going && !is_new(earlier_pc, pc))
        return;
    (void)snprintf(title, sizeof(title), "data-race in {pc:%lx} / {pc:%lx}",
                   (unsigned long)(uintptr_t)earlier_pc, (unsigned long)(uintptr_t)pc);
    add_side(&text, "first", earlier, NULL);
    add_side(&text, "then", now, what);
    add_place(&text, address);
    add_locks(&text, self->thread);
    const struct vthread *other = race.threads[record_thread(earlier)]->thread;
    if (other->state != VTHREAD_DONE && other != self->thread)
        add_locks(&text, other);
    if (race.is_keep_going)
        collect(pc, title, text.bytes);
    else
        finding_fail_detail(FINDING_DATA_RACE, pc, text.bytes, "%s", title);
}

size_t race_collected_count(void)
{
    return collected.count;
}

const struct finding *race_collected(size_t index)
{
    return &collected.findings[index];
}

void race_collected_clear(void)
{
    collected.count = 0;
}
