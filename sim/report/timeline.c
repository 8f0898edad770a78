/*
 * sim/report/timeline.c - see timeline.h. The page itself is page/timeline.html; here is its data.
 */
#include "sim/report/timeline.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "sim/input/buffer.h"
#include "sim/report/symbols.h"
#include "sim/report/words.h"

extern const char page_timeline[]; /* made from page/timeline.html */

enum { SPANS_PER_THREAD_MAX = 64, TABLE_FIRST = 1 << 12, SOURCE_BYTES = 200 };

/* ---- texts, each once ---- */

struct table {
    char **texts;
    size_t count;
    size_t capacity;
    uint32_t *slots; /* index + 1; twice as many as texts fit */
};

static void *take(void *old, size_t count, size_t size_bytes)
{
    void *memory = reallocarray(old, count, size_bytes);

    if (memory == NULL)
        abort();
    return memory;
}

static uint32_t *find_slot(const struct table *table, const char *text)
{
    const size_t slots = table->capacity * 2;
    size_t at = XXH3_64bits(text, strlen(text)) % slots;

    while (table->slots[at] != 0 && strcmp(table->texts[table->slots[at] - 1], text) != 0)
        at = (at + 1) % slots;
    return &table->slots[at];
}

static void grow(struct table *table)
{
    table->capacity = table->capacity == 0 ? TABLE_FIRST : table->capacity * 2;
    table->texts = take((void *)table->texts, table->capacity, sizeof(*table->texts));
    free(table->slots);
    table->slots = calloc(table->capacity * 2, sizeof(*table->slots));
    if (table->slots == NULL)
        abort();
    for (size_t i = 0; i < table->count; i++)
        *find_slot(table, table->texts[i]) = (uint32_t)i + 1;
}

static size_t table_add(struct table *table, const char *text)
{
    if (table->count == table->capacity)
        grow(table);
    uint32_t *slot = find_slot(table, text);
    if (*slot != 0)
        return *slot - 1;
    table->texts[table->count] = strdup(text);
    if (table->texts[table->count] == NULL)
        abort();
    *slot = (uint32_t)++table->count;
    return table->count - 1;
}

static void table_fini(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->texts[i]);
    free((void *)table->texts);
    free(table->slots);
}

/* ---- JSON ---- */

static void put_string(struct buffer *out, const char *text)
{
    struct json_object *string = json_object_new_string(text);

    buffer_append_text(out, json_object_to_json_string_ext(
                                string, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(string);
}

static void put_member(struct buffer *out, const char *name, const char *text)
{
    buffer_printf(out, "\"%s\":", name);
    put_string(out, text);
}

/* ---- source ---- */

/* Line `number` of `file` below `root`, without the blanks before it; empty when it is not there.
 */
static void read_source(const char *root, const struct symbol *symbol, char *out)
{
    char path[PATH_MAX];
    char line[1024];
    uint32_t number = 0;

    out[0] = '\0';
    if (symbol->file[0] == '\0' || symbol->line == 0)
        return;
    if (symbol->file[0] == '/' || root == NULL)
        snprintf(path, sizeof(path), "%s", symbol->file);
    else
        snprintf(path, sizeof(path), "%s/%s", root, symbol->file);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (++number != symbol->line)
            continue;
        const char *start = line + strspn(line, " \t");
        snprintf(out, SOURCE_BYTES, "%.*s", (int)strcspn(start, "\r\n"), start);
        break;
    }
    (void)fclose(file);
}

/* A place is keyed by what is written of it. */
static size_t add_place(const struct timeline *timeline, struct table *places, const void *pc)
{
    const struct symbol *symbol = symbols_lookup(pc);
    char source[SOURCE_BYTES];
    struct buffer text = {0};

    if (pc == NULL)
        return table_add(places, "null");
    read_source(timeline->root, symbol, source);
    buffer_append_byte(&text, '{');
    put_member(&text, "function", symbol->function);
    buffer_append_byte(&text, ',');
    put_member(&text, "file", symbol->file);
    buffer_printf(&text, ",\"line\":%" PRIu32 ",", symbol->line);
    put_member(&text, "source", source);
    buffer_append_byte(&text, '}');
    const size_t index = table_add(places, text.data);
    buffer_fini(&text);
    return index;
}

/* A program has few places: each is looked up once. */
struct known_place {
    const void *pc;
    size_t index;
};

struct places {
    struct table table;
    struct known_place *known; /* open addressed by pc */
    size_t slots;
};

static size_t place_of(const struct timeline *timeline, struct places *places, const void *pc)
{
    size_t at = ((uintptr_t)pc >> 2) % places->slots;

    while (places->known[at].pc != NULL && places->known[at].pc != pc)
        at = (at + 1) % places->slots;
    if (places->known[at].pc == NULL || pc == NULL) {
        places->known[at].index = add_place(timeline, &places->table, pc);
        places->known[at].pc = pc;
    }
    return places->known[at].index;
}

/* ---- columns ---- */

/* Of each kind of operation, which of the page's classes it is. */
enum { MEMORY, LOCK, CALL, THREAD, LANE, PAUSE };
static const uint8_t classes[] = {
    [OP_NONE] = MEMORY,   [OP_START] = THREAD,    [OP_EXIT] = THREAD,      [OP_CREATE] = THREAD,
    [OP_JOIN] = THREAD,   [OP_LOAD] = MEMORY,     [OP_STORE] = MEMORY,     [OP_RMW] = MEMORY,
    [OP_CAS] = MEMORY,    [OP_FENCE] = MEMORY,    [OP_LOCK] = LOCK,        [OP_LOCK_READ] = LOCK,
    [OP_TRY_LOCK] = LOCK, [OP_UNLOCK] = LOCK,     [OP_WAIT] = LOCK,        [OP_SIGNAL] = LOCK,
    [OP_CALL] = CALL,     [OP_YIELD] = PAUSE,     [OP_SLEEP] = PAUSE,      [OP_CLOCK] = PAUSE,
    [OP_LANE] = LANE,     [OP_READ_MEM] = MEMORY, [OP_WRITE_MEM] = MEMORY,
};
_Static_assert(sizeof(classes) == OP_KIND_COUNT, "a class for each kind");

static void put_column(struct buffer *out, const struct trace *trace, const char *name,
                       int64_t (*value)(const struct trace *trace, const struct trace_step *step))
{
    buffer_printf(out, ",\n\"%s\":[", name);
    for (size_t i = 0; i < trace_count(trace); i++)
        buffer_printf(out, "%s%" PRId64, i == 0 ? "" : ",", value(trace, trace_at(trace, i)));
    buffer_append_byte(out, ']');
}

static int64_t thread_value(const struct trace *trace, const struct trace_step *step)
{
    (void)trace;
    return step->thread_id;
}

static int64_t kind_value(const struct trace *trace, const struct trace_step *step)
{
    (void)trace;
    return (int64_t)step->kind;
}

static int64_t time_value(const struct trace *trace, const struct trace_step *step)
{
    (void)trace;
    return (int64_t)step->time_ns;
}

static int64_t preempts_value(const struct trace *trace, const struct trace_step *step)
{
    (void)trace;
    return step->was_preempting;
}

/* Index of the step that a lane's step comes from; -1: none that was kept. */
static int64_t cause_value(const struct trace *trace, const struct trace_step *step)
{
    const size_t index = trace_find(trace, step->cause_step);

    return step->cause_step == 0 || index == trace_count(trace) ? -1 : (int64_t)index;
}

static void put_values(struct buffer *out, const struct trace *trace)
{
    buffer_append_text(out, ",\n\"value\":[");
    for (size_t i = 0; i < trace_count(trace); i++) {
        const struct trace_step *step = trace_at(trace, i);
        if (step->has_value)
            buffer_printf(out, "%s%" PRId64, i == 0 ? "" : ",", step->value);
        else
            buffer_append_text(out, i == 0 ? "null" : ",null");
    }
    buffer_append_byte(out, ']');
}

static void put_table(struct buffer *out, const char *name, const struct table *table,
                      bool is_string)
{
    buffer_printf(out, ",\n\"%s\":[", name);
    for (size_t i = 0; i < table->count; i++) {
        if (i > 0)
            buffer_append_byte(out, ',');
        if (is_string)
            put_string(out, table->texts[i]);
        else
            buffer_append_text(out, table->texts[i]);
    }
    buffer_append_byte(out, ']');
}

static void put_words_and_places(const struct timeline *timeline, struct buffer *out)
{
    const struct trace *trace = timeline->trace;
    const size_t count = trace_count(trace);
    struct table words = {0};
    struct places places = {.slots = count * 2 + 64};
    size_t *indices = take(NULL, count + 1, sizeof(*indices));

    places.known = calloc(places.slots, sizeof(*places.known));
    if (places.known == NULL)
        abort();
    buffer_append_text(out, ",\n\"word\":[");
    for (size_t i = 0; i < count; i++) {
        char text[WORDS_BYTES];
        words_step(trace, trace_at(trace, i), text, sizeof(text));
        buffer_printf(out, "%s%zu", i == 0 ? "" : ",", table_add(&words, text));
        indices[i] = place_of(timeline, &places, trace_at(trace, i)->pc);
    }
    buffer_append_text(out, "],\n\"place\":[");
    for (size_t i = 0; i < count; i++)
        buffer_printf(out, "%s%zu", i == 0 ? "" : ",", indices[i]);
    buffer_append_byte(out, ']');
    put_table(out, "words", &words, true);
    put_table(out, "places", &places.table, false);
    table_fini(&words);
    table_fini(&places.table);
    free(places.known);
    free(indices);
}

/* ---- locks ---- */

/* Calls `span` for each lock that a thread held, in order of its release. */
static void each_lock(const struct trace *trace, void *context,
                      void (*span)(void *context, uint32_t thread_id, size_t start, size_t end,
                                   const char *name))
{
    struct held {
        uint32_t object_id;
        size_t start;
    };
    struct held *held = calloc((size_t)VTHREADS_MAX * SPANS_PER_THREAD_MAX, sizeof(*held));
    uint32_t *counts = calloc(VTHREADS_MAX, sizeof(*counts));
    size_t *last = calloc(VTHREADS_MAX, sizeof(*last));
    char name[WORDS_BYTES];

    if (held == NULL || counts == NULL || last == NULL)
        abort();
    for (size_t i = 0; i < trace_count(trace); i++) {
        const struct trace_step *step = trace_at(trace, i);
        struct held *own = &held[(size_t)step->thread_id * SPANS_PER_THREAD_MAX];
        uint32_t *count = &counts[step->thread_id];
        last[step->thread_id] = i;
        if (trace_takes_lock(step) && *count < SPANS_PER_THREAD_MAX)
            own[(*count)++] = (struct held){.object_id = step->object_id, .start = i};
        for (uint32_t h = *count; step->kind == OP_UNLOCK && h-- > 0;) {
            if (own[h].object_id != step->object_id)
                continue;
            words_object(trace, step, name, sizeof(name));
            span(context, step->thread_id, own[h].start, i, name);
            memmove(&own[h], &own[h + 1], (*count - h - 1) * sizeof(*own));
            (*count)--;
            break;
        }
    }
    /* Held to the end: what a deadlock is made of. */
    for (uint32_t thread = 0; thread < VTHREADS_MAX; thread++) {
        for (uint32_t h = 0; h < counts[thread]; h++) {
            const struct held *own = &held[(size_t)thread * SPANS_PER_THREAD_MAX + h];
            char words[WORDS_BYTES];
            words_object(trace, trace_at(trace, own->start), words, sizeof(words));
            /* The last that it did was to want the lock. */
            const bool is_waiting =
                trace->threads[thread].state == VTHREAD_PARKED && last[thread] == own->start;
            snprintf(name, sizeof(name), "%s%.*s", is_waiting ? "waits for " : "", WORDS_BYTES - 16,
                     words);
            span(context, thread, own->start, trace_count(trace), name);
        }
    }
    free(held);
    free(counts);
    free(last);
}

static void put_span(void *context, uint32_t thread_id, size_t start, size_t end, const char *name)
{
    struct buffer *out = context;

    if (out->data[out->len - 1] != '[')
        buffer_append_byte(out, ',');
    buffer_printf(out, "{\"thread\":%" PRIu32 ",\"start\":%zu,\"end\":%zu,", thread_id, start, end);
    put_member(out, "name", name);
    buffer_append_byte(out, '}');
}

/* ---- the page ---- */

static uint32_t thread_count(const struct trace *trace)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < VTHREADS_MAX; i++)
        if (trace->threads[i].is_known)
            count = i + 1;
    return count;
}

static void put_head(const struct timeline *timeline, struct buffer *out)
{
    const struct trace *trace = timeline->trace;
    const struct finding *finding = &timeline->result->finding;
    const size_t count = trace_count(trace);
    const bool is_failing = finding->kind != FINDING_NONE && count > 0;

    buffer_append_byte(out, '{');
    put_member(out, "target", timeline->target);
    buffer_append_byte(out, ',');
    put_member(out, "title", finding->kind == FINDING_NONE ? "" : finding->title);
    buffer_append_byte(out, ',');
    put_member(out, "property", finding_kind_property(finding->kind));
    buffer_append_byte(out, ',');
    put_member(out, "detail", finding->kind == FINDING_NONE ? "" : finding->detail);
    buffer_printf(out, ",\"first\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"failing\":%" PRId64,
                  count == 0 ? 1 : trace_at(trace, 0)->step, trace->recorded - count,
                  is_failing ? (int64_t)count - 1 : -1);
    buffer_append_text(out, ",\n\"threads\":[");
    for (uint32_t i = 0; i < thread_count(trace); i++) {
        buffer_append_text(out, i == 0 ? "{" : ",{");
        put_member(out, "name", trace->threads[i].is_known ? trace->threads[i].name : "");
        buffer_printf(out, ",\"lane\":%s}", trace->threads[i].is_lane ? "true" : "false");
    }
    buffer_append_text(out, "],\n\"kindClass\":[");
    for (int kind = 0; kind < OP_KIND_COUNT; kind++)
        buffer_printf(out, "%s%d", kind == 0 ? "" : ",", classes[kind]);
    buffer_append_byte(out, ']');
}

void timeline_print_page(const struct timeline *timeline, struct buffer *out)
{
    static const char mark[] = "@DATA@";
    const struct trace *trace = timeline->trace;
    const char *place = strstr(page_timeline, mark);
    struct buffer data = {0};

    put_head(timeline, &data);
    put_column(&data, trace, "thread", thread_value);
    put_column(&data, trace, "kind", kind_value);
    put_column(&data, trace, "time", time_value);
    put_column(&data, trace, "preempts", preempts_value);
    put_column(&data, trace, "cause", cause_value);
    put_values(&data, trace);
    put_words_and_places(timeline, &data);
    buffer_append_text(&data, ",\n\"locks\":[");
    each_lock(trace, &data, put_span);
    buffer_append_text(&data, "]}\n");
    buffer_append(out, page_timeline, (size_t)(place - page_timeline));
    for (size_t i = 0; i < data.len; i++) {
        /* Nothing in the data may end the element that it stands in. */
        if (data.data[i] == '<')
            buffer_append_text(out, "\\u003c");
        else
            buffer_append_byte(out, (uint8_t)data.data[i]);
    }
    buffer_append_text(out, place + strlen(mark));
    buffer_fini(&data);
}

/* ---- Chrome's trace events ---- */

/* Microseconds with three places. */
static void put_time(struct buffer *out, const char *name, uint64_t time_ns)
{
    buffer_printf(out, ",\"%s\":%" PRIu64 ".%03" PRIu64, name, time_ns / 1000, time_ns % 1000);
}

static void begin_event(struct buffer *out, const char *phase, uint32_t thread_id)
{
    buffer_printf(out, ",\n{\"ph\":\"%s\",\"pid\":1,\"tid\":%" PRIu32 ",", phase, thread_id);
}

struct events {
    const struct trace *trace;
    struct buffer *out;
};

static uint64_t end_time(const struct trace *trace, size_t index)
{
    return index + 1 < trace_count(trace) ? trace_at(trace, index + 1)->time_ns
                                          : trace_at(trace, index)->time_ns + 1;
}

static void put_lock_event(void *context, uint32_t thread_id, size_t start, size_t end,
                           const char *name)
{
    const struct events *events = context;
    const uint64_t start_ns = trace_at(events->trace, start)->time_ns;
    const uint64_t end_ns = end_time(
        events->trace, end < trace_count(events->trace) ? end : trace_count(events->trace) - 1);

    /* Spans that overlap need not nest: as asynchronous events. */
    begin_event(events->out, "b", thread_id);
    put_member(events->out, "name", name);
    buffer_printf(events->out, ",\"cat\":\"lock\",\"id\":%zu", start);
    put_time(events->out, "ts", start_ns);
    buffer_append_byte(events->out, '}');
    begin_event(events->out, "e", thread_id);
    put_member(events->out, "name", name);
    buffer_printf(events->out, ",\"cat\":\"lock\",\"id\":%zu", start);
    put_time(events->out, "ts", end_ns);
    buffer_append_byte(events->out, '}');
}

static void put_flow(const struct trace *trace, size_t from, size_t to, struct buffer *out)
{
    begin_event(out, "s", trace_at(trace, from)->thread_id);
    buffer_printf(out, "\"name\":\"leads to\",\"cat\":\"flow\",\"id\":%zu", to);
    put_time(out, "ts", trace_at(trace, from)->time_ns);
    buffer_append_byte(out, '}');
    begin_event(out, "f", trace_at(trace, to)->thread_id);
    buffer_printf(out, "\"bp\":\"e\",\"name\":\"leads to\",\"cat\":\"flow\",\"id\":%zu", to);
    put_time(out, "ts", trace_at(trace, to)->time_ns);
    buffer_append_byte(out, '}');
}

static void put_step(const struct trace *trace, size_t index, struct buffer *out)
{
    const struct trace_step *step = trace_at(trace, index);
    const struct symbol *symbol = symbols_lookup(step->pc);
    char words[WORDS_BYTES];

    words_step(trace, step, words, sizeof(words));
    begin_event(out, "X", step->thread_id);
    put_member(out, "name", words);
    buffer_append_byte(out, ',');
    put_member(out, "cat", op_kind_word(step->kind));
    put_time(out, "ts", step->time_ns);
    put_time(out, "dur", end_time(trace, index) - step->time_ns);
    buffer_printf(out, ",\"args\":{\"step\":%" PRIu64 ",", step->step);
    put_member(out, "function", step->pc == NULL ? "" : symbol->function);
    buffer_append_byte(out, ',');
    put_member(out, "file", step->pc == NULL ? "" : symbol->file);
    buffer_printf(out, ",\"line\":%" PRIu32 "}}", step->pc == NULL ? 0 : symbol->line);
}

void timeline_print_events(const struct timeline *timeline, struct buffer *out)
{
    const struct trace *trace = timeline->trace;
    const struct finding *finding = &timeline->result->finding;
    const size_t count = trace_count(trace);
    struct events events = {.trace = trace, .out = out};

    buffer_append_text(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
    buffer_append_text(out, "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{");
    put_member(out, "name", timeline->target);
    buffer_append_text(out, "}}");
    for (uint32_t i = 0; i < thread_count(trace); i++) {
        if (!trace->threads[i].is_known)
            continue;
        begin_event(out, "M", i);
        buffer_append_text(out, "\"name\":\"thread_name\",\"args\":{");
        put_member(out, "name", trace->threads[i].name);
        buffer_append_text(out, "}}");
    }
    for (size_t i = 0; i < count; i++) {
        const int64_t cause = cause_value(trace, trace_at(trace, i));
        put_step(trace, i, out);
        if (cause >= 0)
            put_flow(trace, (size_t)cause, i, out);
    }
    each_lock(trace, &events, put_lock_event);
    if (finding->kind != FINDING_NONE && count > 0) {
        begin_event(out, "i", trace_at(trace, count - 1)->thread_id);
        put_member(out, "name", finding->title);
        buffer_append_text(out, ",\"s\":\"g\"");
        put_time(out, "ts", trace_at(trace, count - 1)->time_ns);
        buffer_append_byte(out, '}');
    }
    buffer_append_text(out, "\n]}\n");
}
