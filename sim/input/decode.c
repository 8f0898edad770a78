/*
 * Any bytes as a scenario: wire.h in the other direction. Nothing here fails; what cannot be is
 * bent into what can, by rules that a fuzzer does not mind, or skipped.
 */
#include <netinet/in.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/input/draft.h"
#include "sim/input/parse.h"
#include "sim/input/text.h"
#include "sim/input/value.h"
#include "sim/input/wire.h"

struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

static uint8_t take_byte(struct reader *reader)
{
    return reader->at < reader->end ? *reader->at++ : 0;
}

static uint64_t take_varint(struct reader *reader)
{
    uint64_t number = 0;

    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    return number;
}

static uint64_t clamp(uint64_t number, uint64_t least, uint64_t most)
{
    return number < least ? least : number > most ? most : number;
}

static struct range take_range(struct reader *reader, uint64_t least, uint64_t most)
{
    uint64_t min = clamp(take_varint(reader), least, most);
    uint64_t span = take_varint(reader);

    return (struct range){min, span > most - min ? most : min + span};
}

static struct bytes take_raw(struct reader *reader, size_t most)
{
    uint64_t len = take_varint(reader);
    size_t left = (size_t)(reader->end - reader->at);

    if (len > left)
        len = left;
    const uint8_t *data = reader->at;
    reader->at += len;
    return (struct bytes){data, len > most ? most : (size_t)len};
}

/* ---- words ---- */

/* What value_is_word() takes, out of anything; never empty. */
static struct bytes make_word(struct draft *draft, enum param_type type, struct bytes raw)
{
    uint8_t *copy = bump_take(draft->memory, raw.len + 2);
    uint8_t probe[2] = {type == TYPE_PATH ? '/' : 'a', 0};
    size_t len = 0;

    if (type == TYPE_PATH && (raw.len == 0 || raw.data[0] != '/'))
        copy[len++] = '/';
    for (size_t i = 0; i < raw.len; i++) {
        probe[1] = raw.data[i];
        bool is_good = len == 0 ? value_is_word(type, raw.data + i, 1)
                                : value_is_word(type, probe, sizeof(probe));
        copy[len] = is_good ? raw.data[i] : len == 0 ? 'a' : '_';
        len++;
    }
    if (len == 0)
        copy[len++] = 'a';
    return (struct bytes){copy, len};
}

static struct bytes take_word(struct draft *draft, struct reader *reader,
                              const struct param_info *param)
{
    /* Room for the slash that a path may lack. */
    size_t most = (size_t)param->most - (param->type == TYPE_PATH ? 1 : 0);

    if (param->type == TYPE_PATH && reader->at < reader->end) {
        struct reader peek = *reader;
        struct bytes raw = take_raw(&peek, (size_t)param->most);
        if (raw.len > 0 && raw.data[0] == '/')
            most = (size_t)param->most;
    }
    return make_word(draft, param->type, take_raw(reader, most));
}

/* A comment as the parser would have trimmed it. */
static struct bytes make_comment(struct draft *draft, const uint8_t *data, size_t len)
{
    len = len > DRAFT_COMMENT_BYTES_MAX ? DRAFT_COMMENT_BYTES_MAX : len;
    uint8_t *copy = bump_take(draft->memory, len + 1);

    for (size_t i = 0; i < len;) {
        size_t char_len = text_char_len((const char *)data + i, len - i);
        if (char_len == 0 || !text_is_line((const char *)data + i, char_len)) {
            copy[i++] = '?';
            continue;
        }
        memcpy(copy + i, data + i, char_len);
        i += char_len;
    }
    while (len > 0 && (copy[len - 1] == ' ' || copy[len - 1] == '\t'))
        copy[--len] = 0;
    return (struct bytes){copy, len};
}

static void take_words(struct draft *draft, struct reader *reader, struct scenario_value *value)
{
    enum { WORDS_MAX = 64 };
    struct bytes raw = take_raw(reader, DRAFT_DIRECTIVE_BYTES_MAX - 1);
    struct scenario_word *words = bump_take(draft->memory, WORDS_MAX * sizeof(*words));
    size_t begin = 0;

    for (size_t i = 0; i <= raw.len && value->word_count < WORDS_MAX; i++) {
        if (i < raw.len && raw.data[i] != ' ')
            continue;
        if (i > begin) {
            struct bytes word = bump_copy(draft->memory, raw.data + begin, i - begin);
            for (size_t j = 0; j < word.len; j++) {
                uint8_t byte = word.data[j];
                bool is_good = byte > ' ' && byte < 0x7f && byte != '"' && (j > 0 || byte != '#');
                if (!is_good)
                    ((uint8_t *)word.data)[j] = '_';
            }
            value_classify_word(word, &words[value->word_count++]);
        }
        begin = i + 1;
    }
    value->words = words;
}

/* ---- actors ---- */

/* Number `index`, modulo, of the declarations of `kinds`; false when there is none. */
static bool pick_ref(const struct draft *draft, uint64_t index, uint64_t copy, uint64_t kinds,
                     struct scenario_ref *ref)
{
    uint64_t count = 0;

    for (size_t i = 0; i < draft->declaration_count; i++)
        count += kinds >> draft->declarations[i].kind & 1;
    if (count == 0)
        return false;
    index %= count;
    for (size_t i = 0; i < draft->declaration_count; i++) {
        const struct declaration *declaration = &draft->declarations[i];
        if ((kinds >> declaration->kind & 1) == 0 || index-- != 0)
            continue;
        *ref = (struct scenario_ref){
            .declaration = (uint16_t)i,
            .copy = (uint16_t)(copy % ((uint64_t)declaration->copies_max + 1)),
        };
        draft_fill_ref(draft, ref);
        break;
    }
    return true;
}

static bool take_ref(const struct draft *draft, struct reader *reader, uint64_t kinds,
                     struct scenario_ref *ref)
{
    uint64_t index = take_varint(reader);
    uint64_t copy = take_varint(reader);

    return pick_ref(draft, index, copy, kinds, ref);
}

/* One end of a pair: 0 is everybody. */
static bool take_end(const struct draft *draft, struct reader *reader, struct scenario_ref *ref)
{
    uint64_t index = take_varint(reader) % (draft->declaration_count + 1);

    if (index == 0) {
        *ref = (struct scenario_ref){.declaration = SCENARIO_ALL};
        return true;
    }
    return pick_ref(draft, index - 1, take_varint(reader), UINT64_MAX, ref);
}

/* ---- values ---- */

static void take_address(struct reader *reader, bool has_port, struct addr *addr)
{
    bool is_v6 = (take_byte(reader) & 1) != 0;

    *addr = (struct addr){.family = is_v6 ? AF_INET6 : AF_INET};
    for (size_t i = 0; i < (is_v6 ? 16u : 4u); i++)
        addr->bytes[i] = take_byte(reader);
    if (has_port)
        addr->port = (uint16_t)clamp(take_varint(reader), 1, UINT16_MAX);
}

static void take_bytes(struct draft *draft, struct reader *reader, const struct param_info *param,
                       struct scenario_value *value)
{
    struct bytes raw = take_raw(reader, (size_t)param->most);

    if (raw.len < param->least)
        value->text = bump_copy(draft->memory, "?", 1);
    else
        value->text = bump_copy(draft->memory, raw.data, raw.len);
}

static bool take_at(struct draft *draft, struct reader *reader, const struct param_info *param,
                    struct scenario_value *value)
{
    value->text = take_word(draft, reader, param);
    value->range.min = clamp(take_varint(reader), 0, UINT32_MAX);
    value->range.max = value->range.min;
    return param->type != TYPE_DRAW_AT || memchr(value->text.data, '.', value->text.len) != NULL;
}

static bool take_text(struct draft *draft, struct reader *reader, struct scenario_value *value)
{
    struct bytes raw = take_raw(reader, (size_t)form_info(FORM_UNKNOWN)->params[0].most);

    value->text = bump_copy(draft->memory, raw.data, raw.len);
    return parse_is_unknown((const char *)raw.data, raw.len);
}

static bool take_value(struct draft *draft, struct reader *reader, const struct param_info *param,
                       struct scenario_value *value)
{
    value->is_present = true;
    switch (param->type) {
    case TYPE_NUMBER:
    case TYPE_DURATION:
    case TYPE_RATE:
    case TYPE_COPIES:
        value->range = take_range(reader, param->least, param->most);
        return true;
    case TYPE_SHIFT:
        value->is_negative = (take_byte(reader) & 1) != 0;
        value->range.min = clamp(take_varint(reader), param->least, param->most);
        value->range.max = value->range.min;
        value->is_negative &= value->range.min > 0;
        return true;
    case TYPE_HEX:
        value->range.min = take_varint(reader);
        value->range.max = value->range.min;
        return true;
    case TYPE_ADDRESS:
    case TYPE_ENDPOINT:
        take_address(reader, param->type == TYPE_ENDPOINT, &value->addr);
        return true;
    case TYPE_BYTES:
        take_bytes(draft, reader, param, value);
        return true;
    case TYPE_WORD:
    case TYPE_SPEC:
    case TYPE_PATH:
    case TYPE_NAME:
    case TYPE_THREAD:
        value->text = take_word(draft, reader, param);
        return true;
    case TYPE_RAW:
        return take_text(draft, reader, value);
    case TYPE_ACTOR:
        return take_ref(draft, reader, param->least, &value->a);
    case TYPE_PAIR: {
        bool has_both = take_end(draft, reader, &value->a) && take_end(draft, reader, &value->b);
        value->is_one_way = (take_byte(reader) & 1) != 0;
        return has_both;
    }
    case TYPE_SITE:
        if (!take_ref(draft, reader, 1 << ACTOR_NODE, &value->a))
            return false;
        value->text = take_word(draft, reader, param);
        return true;
    case TYPE_THREAD_AT:
    case TYPE_DRAW_AT:
        return take_at(draft, reader, param, value);
    case TYPE_WORDS:
        take_words(draft, reader, value);
        return value->word_count > 0;
    case TYPE_PROTOCOL:
    case TYPE_SWITCH:
    case TYPE_HTTP:
    case TYPE_SIGNAL:
    case TYPE_ERRNO:
    case TYPE_POINTS:
    case TYPE_H2_FRAME:
    case TYPE_H2_ERROR:
        value->word = word_value(param->type, take_byte(reader) % word_count(param->type));
        return true;
    case TYPE_FLAG:
    case TYPE_SIGN:
        return true;
    }
    return false;
}

/* ---- records ---- */

static bool take_args(struct draft *draft, struct reader *reader, enum scenario_form form,
                      struct scenario_value *args)
{
    const struct form_info *info = form_info(form);
    uint64_t presence = form_param_count(form) > 0 ? take_varint(reader) : 0;

    for (size_t i = 0; i < form_param_count(form); i++) {
        bool is_there = true;
        if (param_is_optional(&info->params[i])) {
            is_there = (presence & 1) != 0;
            presence >>= 1;
        }
        if (is_there && !take_value(draft, reader, &info->params[i], &args[i]))
            return false;
    }
    return true;
}

static void take_when(struct reader *reader, const struct form_info *info, enum scenario_form form,
                      struct scenario_when *when)
{
    enum { KINDS = 4 };

    when->kind = (enum scenario_when_kind)(take_byte(reader) % KINDS);
    if (when->kind == WHEN_NONE && info->place == PLACE_ACTOR)
        when->kind = WHEN_AFTER;
    if (when->kind == WHEN_WITHIN && !form_is_expectation(form))
        when->kind = WHEN_AFTER;
    if (when->kind == WHEN_NONE)
        return;
    when->ns = take_range(reader, 0, TEXT_DURATION_NS_MAX);
    if (when->kind == WHEN_WITHIN)
        when->ns.min = when->ns.max;
}

static void take_line(struct draft *draft, enum scenario_form form, struct reader reader)
{
    const struct form_info *info = form_info(form);
    size_t count = form_param_count(form);
    struct scenario_value *args = bump_take(draft->memory, (count + 1) * sizeof(*args));
    struct scenario_line line = {.form = form, .args = args};

    if (form == FORM_COMMENT) {
        line.comment = make_comment(draft, reader.at, (size_t)(reader.end - reader.at));
    } else {
        if (info->place == PLACE_ACTOR || info->place == PLACE_WORLD)
            take_when(&reader, info, form, &line.when);
        if (info->place == PLACE_ACTOR && !take_ref(draft, &reader, info->subjects, &line.subject))
            return;
        if (!take_args(draft, &reader, form, args))
            return;
    }
    /* What cannot stand here is skipped. */
    (void)!draft_add(draft, &line);
}

static void take_records(struct draft *draft, struct reader reader)
{
    bool was_added = false;

    while (reader.at < reader.end) {
        uint8_t code = take_byte(&reader);
        uint64_t len = take_varint(&reader);
        size_t left = (size_t)(reader.end - reader.at);
        enum scenario_form form = form_by_code(code);
        struct reader payload = {reader.at, reader.at + (len > left ? left : len)};
        size_t line_count = draft->line_count;

        if (code == WIRE_CODE_REMARK) {
            if (was_added)
                draft_remark(draft,
                             make_comment(draft, payload.at, (size_t)(payload.end - payload.at)));
        } else if (form != FORM_COUNT) {
            take_line(draft, form, payload);
        }
        was_added = draft->line_count > line_count;
        reader.at = payload.end;
    }
}

/* Bytes that are no scenario are what a client sends to a small proxy. */
static struct scenario *decode_plain(const uint8_t *data, size_t len)
{
    enum { PLAIN_BYTES_MAX = 1 << 16, CHUNK_BYTES = 1024 };
    struct buffer text = {0};
    struct scenario *scenario = NULL;
    struct diagnostics diag;

    len = len > PLAIN_BYTES_MAX ? PLAIN_BYTES_MAX : len;
    buffer_append_text(&text, "node p\n"
                              "    workers 2\n"
                              "    listen fe 10.0.0.1:80 h1\n"
                              "    backend app 10.0.1.1:8080 h1\n"
                              "client c 10.9.0.1\n"
                              "server s 10.0.1.1:8080\n"
                              "+0us c connect 10.0.0.1:80\n");
    for (size_t at = 0; at < len; at += CHUNK_BYTES) {
        buffer_append_text(&text, "+0us c send x\"");
        for (size_t i = at; i < len && i < at + CHUNK_BYTES; i++)
            buffer_printf(&text, "%02x", data[i]);
        buffer_append_text(&text, "\"\n");
    }
    diagnostics_init(&diag);
    BUG_ON(!scenario_parse(text.data, text.len, "plain", &scenario, &diag));
    buffer_fini(&text);
    return scenario;
}

bool scenario_is_encoded(const void *data, size_t len)
{
    return len >= WIRE_MAGIC_BYTES && memcmp(data, WIRE_MAGIC, WIRE_MAGIC_BYTES) == 0;
}

struct scenario *scenario_decode(const uint8_t *data, size_t len)
{
    struct draft draft;

    if (!scenario_is_encoded(data, len))
        return decode_plain(data, len);
    draft_init(&draft, NULL);
    len = len > WIRE_BYTES_MAX ? WIRE_BYTES_MAX : len;
    take_records(&draft, (struct reader){data + WIRE_MAGIC_BYTES, data + len});
    if (draft.has_content)
        return draft_finish(&draft);
    draft_fini(&draft);
    return decode_plain(NULL, 0);
}
