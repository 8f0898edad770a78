#include "core/http/fcgi.h"

#include <string.h>

const char *fcgi_type_name(unsigned type)
{
    static const char *const names[] = {
#define FCGI_TYPE_NAME(name, value) [value] = #name,
        FCGI_TYPES(FCGI_TYPE_NAME)
#undef FCGI_TYPE_NAME
    };

    return type < ARRAY_LEN(names) && names[type] != NULL ? names[type] : "?";
}

const char *fcgi_status_name(unsigned status)
{
    static const char *const names[] = {
#define FCGI_STATUS_NAME(name) #name,
        FCGI_STATUSES(FCGI_STATUS_NAME)
#undef FCGI_STATUS_NAME
    };

    return status < ARRAY_LEN(names) ? names[status] : "?";
}

/* --- writing --- */

void fcgi_put(struct fcgi_out *out, const void *data, size_t len)
{
    if (out->is_overflow || len > out->size - out->len) {
        out->is_overflow = true;
        return;
    }
    if (len > 0)
        memcpy(out->data + out->len, data, len);
    out->len += len;
}

void fcgi_put_head(struct fcgi_out *out, const struct fcgi_record *record)
{
    uint8_t head[FCGI_HEAD_BYTES] = {
        FCGI_VERSION,
        record->type,
        (uint8_t)(record->id >> 8),
        (uint8_t)record->id,
        (uint8_t)(record->content_len >> 8),
        (uint8_t)record->content_len,
        record->padding_len,
        0,
    };

    fcgi_put(out, head, sizeof(head));
}

/* Head and body together, or neither. */
static void put_body(struct fcgi_out *out, enum fcgi_type type, uint16_t id, const uint8_t *body)
{
    struct fcgi_record record = {.type = (uint8_t)type, .id = id, .content_len = FCGI_BODY_BYTES};

    if (out->size - out->len < FCGI_HEAD_BYTES + FCGI_BODY_BYTES)
        out->is_overflow = true;
    fcgi_put_head(out, &record);
    fcgi_put(out, body, FCGI_BODY_BYTES);
}

void fcgi_put_begin(struct fcgi_out *out, uint16_t id, unsigned role, unsigned flags)
{
    uint8_t body[FCGI_BODY_BYTES] = {(uint8_t)(role >> 8), (uint8_t)role, (uint8_t)flags};

    put_body(out, FCGI_BEGIN_REQUEST, id, body);
}

void fcgi_put_end(struct fcgi_out *out, uint16_t id, uint32_t app_status, enum fcgi_status status)
{
    uint8_t body[FCGI_BODY_BYTES] = {
        (uint8_t)(app_status >> 24),
        (uint8_t)(app_status >> 16),
        (uint8_t)(app_status >> 8),
        (uint8_t)app_status,
        (uint8_t)status,
    };

    put_body(out, FCGI_END_REQUEST, id, body);
}

void fcgi_put_empty(struct fcgi_out *out, enum fcgi_type type, uint16_t id)
{
    struct fcgi_record record = {.type = (uint8_t)type, .id = id};

    fcgi_put_head(out, &record);
}

/* 3.4: one byte below 128, else four with the highest bit set. */
static void put_len(struct fcgi_out *out, size_t len)
{
    if (len < 0x80) {
        uint8_t byte = (uint8_t)len;
        fcgi_put(out, &byte, 1);
        return;
    }
    if (len > 0x7fffffff)
        out->is_overflow = true;
    uint8_t bytes[4] = {
        (uint8_t)(len >> 24 | 0x80),
        (uint8_t)(len >> 16),
        (uint8_t)(len >> 8),
        (uint8_t)len,
    };
    fcgi_put(out, bytes, sizeof(bytes));
}

void fcgi_put_lens(struct fcgi_out *out, size_t name_len, size_t value_len)
{
    put_len(out, name_len);
    put_len(out, value_len);
}

void fcgi_put_pair(struct fcgi_out *out, const char *name, const char *value, size_t value_len)
{
    size_t name_len = strlen(name);

    fcgi_put_lens(out, name_len, value_len);
    fcgi_put(out, name, name_len);
    fcgi_put(out, value, value_len);
}

/* --- reading --- */

static void take_head(struct fcgi_reader *reader)
{
    const uint8_t *head = reader->head;

    reader->record = (struct fcgi_record){
        .type = head[1],
        .padding_len = head[6],
        .id = (uint16_t)(head[2] << 8 | head[3]),
        .content_len = (uint16_t)(head[4] << 8 | head[5]),
    };
    reader->content_left = reader->record.content_len;
    reader->padding_left = reader->record.padding_len;
    reader->head_len = 0;
    reader->has_record = true;
}

static enum fcgi_event read_head(struct fcgi_reader *reader, const uint8_t *data, size_t len,
                                 size_t *used)
{
    size_t wanted = FCGI_HEAD_BYTES - (size_t)reader->head_len;

    *used = len < wanted ? len : wanted;
    if (*used > 0)
        memcpy(reader->head + reader->head_len, data, *used);
    reader->head_len += (uint8_t)*used;
    if (reader->head_len > 0 && reader->head[0] != FCGI_VERSION)
        return FCGI_BAD;
    if (reader->head_len < FCGI_HEAD_BYTES)
        return FCGI_MORE;
    take_head(reader);
    return FCGI_HEAD;
}

enum fcgi_event fcgi_read(struct fcgi_reader *reader, const uint8_t *data, size_t len, size_t *used)
{
    *used = 0;
    if (!reader->has_record)
        return read_head(reader, data, len, used);
    if (reader->content_left > 0) {
        *used = len < reader->content_left ? len : reader->content_left;
        return len > 0 ? FCGI_CONTENT : FCGI_MORE;
    }
    *used = len < reader->padding_left ? len : reader->padding_left;
    reader->padding_left -= (uint8_t)*used;
    if (reader->padding_left > 0)
        return FCGI_MORE;
    reader->has_record = false;
    return FCGI_END;
}

void fcgi_read_content(struct fcgi_reader *reader, size_t len)
{
    BUG_ON(len > reader->content_left);
    reader->content_left -= (uint16_t)len;
}

bool fcgi_reader_is_clean(const struct fcgi_reader *reader)
{
    return !reader->has_record && reader->head_len == 0;
}

static uint32_t get_32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

enum fcgi_status fcgi_end_status(const uint8_t *body, uint32_t *app_status)
{
    *app_status = get_32(body);
    return (enum fcgi_status)body[4];
}

static bool get_len(uint32_t *out, const uint8_t *data, size_t len, size_t *at)
{
    if (*at == len)
        return false;
    if (data[*at] < 0x80) {
        *out = data[*at];
        *at += 1;
        return true;
    }
    if (len - *at < 4)
        return false;
    *out = get_32(data + *at) & 0x7fffffff;
    *at += 4;
    return true;
}

size_t fcgi_get_pair(struct fcgi_pair *pair, const uint8_t *data, size_t len)
{
    size_t at = 0;

    if (!get_len(&pair->name_len, data, len, &at) || !get_len(&pair->value_len, data, len, &at))
        return 0;
    if (pair->name_len > len - at || pair->value_len > len - at - pair->name_len)
        return 0;
    pair->name = data + at;
    pair->value = data + at + pair->name_len;
    return at + pair->name_len + pair->value_len;
}

/* --- values --- */

static const char mpxs_conns[] = "FCGI_MPXS_CONNS";
static const char max_reqs[] = "FCGI_MAX_REQS";
static const char max_conns[] = "FCGI_MAX_CONNS";

void fcgi_put_get_values(struct fcgi_out *out)
{
    uint8_t content[64];
    struct fcgi_out pairs = {content, sizeof(content), 0, false};

    fcgi_put_pair(&pairs, mpxs_conns, "", 0);
    fcgi_put_pair(&pairs, max_reqs, "", 0);
    fcgi_put_pair(&pairs, max_conns, "", 0);
    BUG_ON(pairs.is_overflow);
    struct fcgi_record record = {
        .type = FCGI_GET_VALUES,
        .content_len = (uint16_t)pairs.len,
    };
    fcgi_put_head(out, &record);
    fcgi_put(out, content, pairs.len);
}

static void put_number(struct fcgi_out *out, const char *name, uint32_t value)
{
    char text[10];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    fcgi_put_pair(out, name, text + at, sizeof(text) - at);
}

void fcgi_put_values(struct fcgi_out *out, const struct fcgi_values *values)
{
    put_number(out, mpxs_conns, values->is_multiplexing);
    if (values->requests_max > 0)
        put_number(out, max_reqs, values->requests_max);
    if (values->conns_max > 0)
        put_number(out, max_conns, values->conns_max);
}

static uint32_t number_of(const struct fcgi_pair *pair)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < pair->value_len; i++) {
        if (pair->value[i] < '0' || pair->value[i] > '9')
            return 0;
        sum = sum * 10 + (uint64_t)(pair->value[i] - '0');
        if (sum > UINT32_MAX)
            return UINT32_MAX;
    }
    return (uint32_t)sum;
}

static bool is_named(const struct fcgi_pair *pair, const char *name)
{
    return pair->name_len == strlen(name) && memcmp(pair->name, name, pair->name_len) == 0;
}

void fcgi_get_values(struct fcgi_values *values, const uint8_t *data, size_t len)
{
    struct fcgi_pair pair;
    size_t used;

    *values = (struct fcgi_values){0};
    for (; (used = fcgi_get_pair(&pair, data, len)) > 0; data += used, len -= used) {
        if (is_named(&pair, mpxs_conns))
            values->is_multiplexing = number_of(&pair) == 1;
        else if (is_named(&pair, max_reqs))
            values->requests_max = number_of(&pair);
        else if (is_named(&pair, max_conns))
            values->conns_max = number_of(&pair);
    }
}
