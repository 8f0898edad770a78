/*
 * sim/sched/profile.c - see profile.h.
 */
#include "sim/sched/profile.h"

#include <string.h>

#include "sim/base/random.h"
#include "sim/sched/internal.h"

enum {
    TOUCHED_SLOTS = 1 << 14, /* (thread, address) of a run */
    TOUCHED_MAX = TOUCHED_SLOTS / 4 * 3,
    KNOWN_SLOTS = 1 << 14, /* (thread path, ordinal) of the base run */
    KNOWN_GROUP = 8,       /* ordinals of one thread, side by side */
    LABEL_SLOTS = 1 << 10,
    PROBES_MAX = 32,
    ORDINALS_MAX = 60000,
};

/* What lies between is the executable, which one cannot name otherwise than so. */
extern const char heddle_start[] __asm__("__executable_start") __attribute__((weak));
extern const char heddle_end[] __asm__("_end") __attribute__((weak));

struct profile profile;

/* A thread of the run now going on. */
struct live {
    uint64_t path;
    /* The number of steps it had made when the object and the site of `name` were looked up, plus 1
     */
    uint64_t steps_named;
    uint64_t steps_sited;
    struct profile_name name;
    uint16_t child_count;
    uint16_t ordinal_count; /* distinct objects so far */
};

struct touched {
    const void *address;
    uint32_t run;
    uint16_t thread;
    uint16_t object;
};

struct known {
    uint64_t key;
    uint32_t version;
    uint16_t object;
};

struct label {
    const char *text;
    uint32_t hash;
};

static struct {
    bool is_by_code;
    uint32_t run;
    uint32_t touched_count;
    uint32_t running_count;
    struct live live[VTHREADS_MAX];
    uint16_t running[VTHREADS_MAX]; /* base run's index -> id in this run + 1 */
    struct touched touched[TOUCHED_SLOTS];
    struct known known[KNOWN_SLOTS];
    struct label labels[LABEL_SLOTS];
} names;

/* ---- places ---- */

static uint32_t hash_text(const char *text)
{
    uint64_t hash = 0;

    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return (uint32_t)(random_mix(hash) >> 32);
}

/* Labels are static: each is read once. */
static uint32_t hash_label(const char *text)
{
    size_t slot = (size_t)(random_mix((uintptr_t)text) % LABEL_SLOTS);

    for (uint32_t probe = 0; probe < PROBES_MAX; probe++, slot = (slot + 1) % LABEL_SLOTS) {
        struct label *label = &names.labels[slot];
        if (label->text == NULL)
            *label = (struct label){.text = text, .hash = hash_text(text)};
        if (label->text == text)
            return label->hash;
    }
    return hash_text(text);
}

static uint32_t mix_site(const struct op *op, uint16_t object)
{
    uint64_t place = 0;

    if (op->label != NULL && !names.is_by_code)
        place = hash_label(op->label);
    else if ((uintptr_t)op->pc >= (uintptr_t)heddle_start &&
             (uintptr_t)op->pc < (uintptr_t)heddle_end)
        place = (uintptr_t)op->pc - (uintptr_t)heddle_start;
    return (uint32_t)(random_mix(place << 24 ^ (uint64_t)object << 8 ^ op->kind) >> 32);
}

void profile_by_code_set(bool is_on)
{
    names.is_by_code = is_on;
}

uint32_t profile_place(const struct op *op)
{
    return mix_site(op, 0);
}

/* ---- objects ---- */

/* Ordinals that follow each other lie side by side, as they are asked for one after the other. */
static size_t known_slot(uint64_t path, uint16_t ordinal)
{
    const uint64_t group = random_mix(path ^ (uint64_t)(ordinal / KNOWN_GROUP) << 32);

    return (size_t)(group * KNOWN_GROUP + ordinal % KNOWN_GROUP) % KNOWN_SLOTS;
}

static struct known *find_known(uint64_t key, size_t slot)
{
    for (uint32_t probe = 0; probe < PROBES_MAX; probe++, slot = (slot + 1) % KNOWN_SLOTS) {
        struct known *known = &names.known[slot];
        if (known->version != profile.version || known->key == key)
            return known;
    }
    return NULL;
}

static uint64_t ordinal_key(const struct live *live, uint16_t ordinal)
{
    return random_mix(live->path ^ (uint64_t)ordinal << 32);
}

/* What lies side by side is looked for side by side: it is touched together. */
static size_t slot_of(const void *address, uint64_t salt)
{
    const uintptr_t at = (uintptr_t)address;
    const uint64_t line = random_mix((uint64_t)(at / CACHE_LINE_BYTES) ^ salt);

    return (size_t)(line * (CACHE_LINE_BYTES / sizeof(uint64_t)) +
                    at / sizeof(uint64_t) % (CACHE_LINE_BYTES / sizeof(uint64_t))) %
           TOUCHED_SLOTS;
}

/* Where (thread, address) is or can be put; NULL when there is no room. What has no room may only
 * be a matter of how many came before: who meets whom in the table depends on where things lie. */
static struct touched *find_touched(uint16_t thread, const void *address)
{
    size_t slot = slot_of(address, (uint64_t)(thread + 1) << 48);

    for (;; slot = (slot + 1) % TOUCHED_SLOTS) {
        struct touched *touched = &names.touched[slot];
        if (touched->run != names.run)
            return names.touched_count < TOUCHED_MAX ? touched : NULL;
        if (touched->address == address && touched->thread == thread)
            return touched;
    }
}

static void take_touched(struct touched *touched, uint16_t thread, const void *address)
{
    *touched = (struct touched){.address = address, .run = names.run, .thread = thread};
    names.touched_count++;
}

/* In the base run: the number that another thread's access has given to the address, or a new one.
 */
static uint16_t number_object(const void *address)
{
    /* "Thread" PROFILE_NOBODY keeps what all have in common. */
    struct touched *touched = find_touched(PROFILE_NOBODY, address);

    if (touched == NULL)
        return 0;
    if (touched->run == names.run)
        return touched->object;
    if (profile.object_count + 1 >= PROFILE_OBJECTS_MAX)
        return 0;
    take_touched(touched, PROFILE_NOBODY, address);
    touched->object = (uint16_t)++profile.object_count;
    profile.objects[touched->object] = (struct profile_object){.access_count = 0};
    return touched->object;
}

/* First time that the thread comes across the address. */
static uint16_t name_object(struct live *live, const void *address)
{
    if (live->ordinal_count == ORDINALS_MAX)
        return 0;
    const uint16_t ordinal = live->ordinal_count++;
    const uint64_t key = ordinal_key(live, ordinal);
    struct known *known = find_known(key, known_slot(live->path, ordinal));
    if (known == NULL)
        return 0;
    if (profile.is_noting) {
        const uint16_t object = number_object(address);
        *known = (struct known){.key = key, .version = profile.version, .object = object};
        return object;
    }
    return known->version == profile.version ? known->object : 0;
}

static uint16_t object_of(uint32_t id, struct live *live, const void *address)
{
    if (address == NULL)
        return 0;
    struct touched *touched = find_touched((uint16_t)id, address);
    if (touched == NULL)
        return 0;
    if (touched->run != names.run) {
        /* Taken before it is named: numbering looks for a slot of its own. */
        take_touched(touched, (uint16_t)id, address);
        touched->object = name_object(live, address);
    }
    return touched->object;
}

/* ---- threads ---- */

static uint16_t find_thread(uint64_t path)
{
    for (uint32_t i = 0; i < profile.thread_count; i++) {
        if (profile.threads[i].path == path)
            return (uint16_t)i;
    }
    return PROFILE_NOBODY;
}

void profile_run_begin(void)
{
    names.run++;
    names.touched_count = 0;
    memset(names.running, 0, names.running_count * sizeof(names.running[0]));
    names.running_count = profile.thread_count;
}

static void note_thread(const struct vthread *thread, struct live *live)
{
    struct profile_thread *noted = &profile.threads[profile.thread_count];

    *noted = (struct profile_thread){
        .path = live->path,
        .parent = thread->parent_id == VTHREAD_NOBODY ? PROFILE_NOBODY
                                                      : names.live[thread->parent_id].name.thread,
        .step_first = UINT32_MAX,
        .step_last = UINT32_MAX,
        .is_lane = thread->is_lane,
    };
    live->name.thread = (uint16_t)profile.thread_count++;
}

void profile_run_spawned(const struct strategy_run *run, const struct vthread *thread)
{
    struct live *live = &names.live[thread->id];

    (void)run;
    *live = (struct live){.name = {.thread = PROFILE_NOBODY}};
    if (thread->parent_id == VTHREAD_NOBODY) {
        live->path = random_mix(thread->who);
    } else {
        struct live *parent = &names.live[thread->parent_id];
        live->path = random_mix(parent->path + ++parent->child_count);
    }
    if (profile.is_noting) {
        if (profile.thread_count < VTHREADS_MAX)
            note_thread(thread, live);
        return;
    }
    live->name.thread = find_thread(live->path);
    if (live->name.thread != PROFILE_NOBODY)
        names.running[live->name.thread] = (uint16_t)(thread->id + 1);
}

struct vthread *profile_running(const struct strategy_run *run, uint16_t index)
{
    if (index >= profile.thread_count || names.running[index] == 0)
        return NULL;
    return run->threads[names.running[index] - 1];
}

static struct live *name_object_of_step(const struct vthread *thread, uint64_t number)
{
    struct live *live = &names.live[thread->id];

    if (live->steps_named != number) {
        live->steps_named = number;
        live->name.object = object_of(thread->id, live, thread->next.object);
    }
    return live;
}

static const struct profile_name *name_step(const struct vthread *thread, uint64_t number)
{
    struct live *live = name_object_of_step(thread, number);

    if (live->steps_sited != number) {
        live->steps_sited = number;
        live->name.site = mix_site(&thread->next, live->name.object);
    }
    return &live->name;
}

uint16_t profile_next_object(const struct vthread *thread)
{
    return name_object_of_step(thread, thread->steps + 1)->name.object;
}

uint16_t profile_now_object(const struct vthread *thread)
{
    return name_object_of_step(thread, thread->steps)->name.object;
}

const struct profile_name *profile_next(const struct vthread *thread)
{
    return name_step(thread, thread->steps + 1);
}

const struct profile_name *profile_now(const struct vthread *thread)
{
    return name_step(thread, thread->steps);
}

/* ---- the base run ---- */

void profile_begin(void)
{
    sched_lasting_add(&profile, sizeof(profile));
    sched_lasting_add(names.known, sizeof(names.known));
    profile.is_complete = false;
    profile.is_noting = true;
    profile.version++;
    profile.step_count = 0;
    profile.thread_count = 0;
    profile.object_count = 0;
}

static void begin(struct strategy_run *run)
{
    (void)run;
    profile_run_begin();
}

static struct vthread *pick(struct strategy_run *run, struct vthread *current, struct vthread *dull)
{
    (void)run;
    (void)current;
    return dull;
}

static void ignore(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    (void)thread;
}

static void spawned(struct strategy_run *run, struct vthread *thread)
{
    profile_run_spawned(run, thread);
}

static void note_access(struct profile_object *object, const struct profile_step *step)
{
    if (object->access_count++ == 0)
        object->thread_first = step->thread;
    object->is_shared |= object->thread_first != step->thread;
    object->is_written |= step->is_write;
}

static void stepped(struct strategy_run *run, struct vthread *thread)
{
    const struct profile_name *name = profile_now(thread);

    (void)run;
    if (name->thread == PROFILE_NOBODY || profile.step_count == PROFILE_STEPS_MAX)
        return;
    struct profile_thread *noted = &profile.threads[name->thread];
    const uint32_t at = profile.step_count++;
    struct profile_step *step = &profile.steps[at];
    *step = (struct profile_step){.site = name->site,
                                  .object = name->object,
                                  .thread = name->thread,
                                  .kind = (uint8_t)thread->next.kind,
                                  .is_write = op_kind_writes(thread->next.kind)};
    profile.step_next[at] = UINT32_MAX;
    if (noted->step_last == UINT32_MAX)
        noted->step_first = at;
    else
        profile.step_next[noted->step_last] = at;
    noted->step_last = at;
    noted->step_count++;
    noted->shape = random_mix(noted->shape ^ step->site);
    if (step->object != 0)
        note_access(&profile.objects[step->object], step);
}

void profile_end(void)
{
    profile.is_noting = false;
    profile.is_complete = true;
    for (uint32_t i = 0; i < profile.thread_count; i++) {
        struct profile_thread *thread = &profile.threads[i];
        thread->class = (uint16_t)i;
        for (uint32_t j = 0; j < i; j++) {
            const struct profile_thread *other = &profile.threads[j];
            if (other->shape == thread->shape && other->step_count == thread->step_count &&
                other->is_lane == thread->is_lane) {
                thread->class = other->class;
                break;
            }
        }
    }
}

const struct strategy_ops strategy_noted = {.name = "dull",
                                            .begin = begin,
                                            .pick = pick,
                                            .spawned = spawned,
                                            .yielded = ignore,
                                            .stepped = stepped};
