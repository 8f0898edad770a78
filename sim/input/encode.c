/*
 * A scenario as bytes: wire.h in one direction. One way to write each, so that equal scenarios are
 * equal bytes.
 */
#include <netinet/in.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/input/forms.h"
#include "sim/input/value.h"
#include "sim/input/wire.h"

/* Which actors are declared so far, in order: their kinds. */
struct encoder {
    const struct scenario *scenario;
    struct buffer payload; /* of the record at hand */
    uint8_t kinds[SCENARIO_ACTORS_MAX];
    size_t kind_count;
};

static void put_varint(struct buffer *out, uint64_t number)
{
    while (number >= 0x80) {
        buffer_append_byte(out, (uint8_t)(number | 0x80));
        number >>= 7;
    }
    buffer_append_byte(out, (uint8_t)number);
}

static void put_range(struct buffer *out, struct range range)
{
    put_varint(out, range.min);
    put_varint(out, range.max - range.min);
}

static void put_bytes(struct buffer *out, struct bytes bytes)
{
    put_varint(out, bytes.len);
    buffer_append(out, bytes.data, bytes.len);
}

/* The place of the declaration among those of `kinds` (bit per kind). */
static size_t rank_of(const struct encoder *encoder, uint16_t declaration, uint32_t kinds)
{
    size_t rank = 0;

    for (size_t i = 0; i < declaration && i < encoder->kind_count; i++)
        rank += kinds >> encoder->kinds[i] & 1;
    return rank;
}

static void put_ref(struct encoder *encoder, const struct scenario_ref *ref, uint32_t kinds)
{
    put_varint(&encoder->payload, rank_of(encoder, ref->declaration, kinds));
    put_varint(&encoder->payload, ref->copy);
}

static void put_end(struct encoder *encoder, const struct scenario_ref *ref)
{
    if (ref->declaration == SCENARIO_ALL) {
        put_varint(&encoder->payload, 0);
        return;
    }
    put_varint(&encoder->payload, (uint64_t)ref->declaration + 1);
    put_varint(&encoder->payload, ref->copy);
}

static void put_address(struct buffer *out, const struct addr *addr)
{
    bool is_v6 = addr->family == AF_INET6;

    buffer_append_byte(out, is_v6);
    buffer_append(out, addr->bytes, is_v6 ? 16 : 4);
}

static void put_words(struct buffer *out, const struct scenario *scenario,
                      const struct param_info *param, const struct scenario_value *value)
{
    struct buffer text = {0};

    value_print(scenario->lines, scenario->line_count, param, value, &text);
    put_bytes(out, (struct bytes){(const uint8_t *)text.data, text.len});
    buffer_fini(&text);
}

static void put_value(struct encoder *encoder, const struct param_info *param,
                      const struct scenario_value *value)
{
    struct buffer *out = &encoder->payload;

    switch (param->type) {
    case TYPE_NUMBER:
    case TYPE_DURATION:
    case TYPE_RATE:
    case TYPE_COPIES:
        put_range(out, value->range);
        break;
    case TYPE_SHIFT:
        buffer_append_byte(out, value->is_negative);
        put_varint(out, value->range.min);
        break;
    case TYPE_HEX:
        put_varint(out, value->range.min);
        break;
    case TYPE_ADDRESS:
        put_address(out, &value->addr);
        break;
    case TYPE_ENDPOINT:
        put_address(out, &value->addr);
        put_varint(out, value->addr.port);
        break;
    case TYPE_BYTES:
    case TYPE_WORD:
    case TYPE_SPEC:
    case TYPE_PATH:
    case TYPE_NAME:
    case TYPE_THREAD:
    case TYPE_RAW:
        put_bytes(out, value->text);
        break;
    case TYPE_ACTOR:
        put_ref(encoder, &value->a, (uint32_t)param->least);
        break;
    case TYPE_PAIR:
        put_end(encoder, &value->a);
        put_end(encoder, &value->b);
        buffer_append_byte(out, value->is_one_way);
        break;
    case TYPE_SITE:
        put_ref(encoder, &value->a, 1u << ACTOR_NODE);
        put_bytes(out, value->text);
        break;
    case TYPE_THREAD_AT:
    case TYPE_DRAW_AT:
        put_bytes(out, value->text);
        put_varint(out, value->range.min);
        break;
    case TYPE_WORDS:
        put_words(out, encoder->scenario, param, value);
        break;
    case TYPE_PROTOCOL:
    case TYPE_SWITCH:
    case TYPE_HTTP:
    case TYPE_SIGNAL:
    case TYPE_ERRNO:
    case TYPE_POINTS:
    case TYPE_H2_FRAME:
    case TYPE_H2_ERROR:
        buffer_append_byte(out, (uint8_t)word_find_value(param->type, value->word));
        break;
    case TYPE_FLAG:
    case TYPE_SIGN:
        break;
    }
}

static void put_args(struct encoder *encoder, const struct scenario_line *line)
{
    const struct form_info *info = form_info(line->form);
    size_t count = form_param_count(line->form);
    uint64_t presence = 0;
    unsigned bit = 0;

    for (size_t i = 0; i < count; i++) {
        if (param_is_optional(&info->params[i]))
            presence |= (uint64_t)line->args[i].is_present << bit++;
    }
    put_varint(&encoder->payload, presence);
    for (size_t i = 0; i < count; i++) {
        if (line->args[i].is_present || !param_is_optional(&info->params[i]))
            put_value(encoder, &info->params[i], &line->args[i]);
    }
}

static void put_record(struct buffer *out, uint8_t code, const void *payload, size_t len)
{
    buffer_append_byte(out, code);
    put_varint(out, len);
    buffer_append(out, payload, len);
}

static void put_line(struct encoder *encoder, const struct scenario_line *line, struct buffer *out)
{
    const struct form_info *info = form_info(line->form);
    struct buffer *payload = &encoder->payload;

    if (line->form == FORM_COMMENT) {
        put_record(out, info->code, line->comment.data, line->comment.len);
        return;
    }
    buffer_clear(payload);
    if (info->place == PLACE_ACTOR || info->place == PLACE_WORLD) {
        buffer_append_byte(payload, (uint8_t)line->when.kind);
        if (line->when.kind != WHEN_NONE)
            put_range(payload, line->when.ns);
    }
    if (info->place == PLACE_ACTOR)
        put_ref(encoder, &line->subject, info->subjects);
    if (form_param_count(line->form) > 0)
        put_args(encoder, line);
    put_record(out, info->code, payload->data, payload->len);
    if (line->comment.data != NULL)
        put_record(out, WIRE_CODE_REMARK, line->comment.data, line->comment.len);
    if (line->form == FORM_NODE)
        encoder->kinds[encoder->kind_count++] = ACTOR_NODE;
    else if (line->form == FORM_CLIENT)
        encoder->kinds[encoder->kind_count++] = ACTOR_CLIENT;
    else if (line->form == FORM_SERVER)
        encoder->kinds[encoder->kind_count++] = ACTOR_SERVER;
}

void scenario_encode(const struct scenario *scenario, struct buffer *out)
{
    struct encoder encoder = {.scenario = scenario};

    buffer_append(out, WIRE_MAGIC, WIRE_MAGIC_BYTES);
    for (size_t i = 0; i < scenario->line_count; i++)
        put_line(&encoder, &scenario->lines[i], out);
    buffer_fini(&encoder.payload);
}

bool scenario_equal(const struct scenario *a, const struct scenario *b)
{
    struct buffer a_bytes = {0};
    struct buffer b_bytes = {0};

    scenario_encode(a, &a_bytes);
    scenario_encode(b, &b_bytes);
    bool is_equal =
        a_bytes.len == b_bytes.len && memcmp(a_bytes.data, b_bytes.data, a_bytes.len) == 0;
    buffer_fini(&a_bytes);
    buffer_fini(&b_bytes);
    return is_equal;
}
