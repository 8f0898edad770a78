/*
 * Arguments as text, in the one form that is canonical.
 */
#include "sim/input/value.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "sim/input/buffer.h"

static void print_one_duration(uint64_t ns, struct buffer *out)
{
    static const struct {
        uint64_t ns;
        const char *word;
    } units[] = {
        {UINT64_C(3600000000000), "h"}, {UINT64_C(60000000000), "m"}, {UINT64_C(1000000000), "s"},
        {UINT64_C(1000000), "ms"},      {UINT64_C(1000), "us"},       {1, "ns"},
    };
    size_t i = ns == 0 ? 4 : 0; /* 0us */

    while (ns % units[i].ns != 0)
        i++;
    buffer_append_number(out, ns / units[i].ns);
    buffer_append_text(out, units[i].word);
}

void value_print_duration(struct range range, struct buffer *out)
{
    if (range.min != range.max) {
        if (range.min == 0)
            buffer_append_text(out, "0");
        else
            print_one_duration(range.min, out);
        buffer_append_text(out, "..");
    }
    print_one_duration(range.max, out);
}

static void print_one_rate(uint64_t ppm, struct buffer *out)
{
    uint64_t fraction = ppm % 10000;

    buffer_append_number(out, ppm / 10000);
    if (fraction > 0) {
        char digits[8];
        int places = 4;
        while (fraction % 10 == 0) {
            fraction /= 10;
            places--;
        }
        (void)snprintf(digits, sizeof(digits), ".%0*u", places, (unsigned)fraction);
        buffer_append_text(out, digits);
    }
    buffer_append_text(out, "%");
}

static void print_rate(struct range range, struct buffer *out)
{
    if (range.min != range.max) {
        if (range.min == 0)
            buffer_append_text(out, "0");
        else
            print_one_rate(range.min, out);
        buffer_append_text(out, "..");
    }
    print_one_rate(range.max, out);
}

static void print_range(struct range range, struct buffer *out)
{
    buffer_append_number(out, range.min);
    if (range.min != range.max) {
        buffer_append_text(out, "..");
        buffer_append_number(out, range.max);
    }
}

static void print_address(const struct addr *addr, struct buffer *out)
{
    char text[INET6_ADDRSTRLEN] = "?";

    (void)inet_ntop(addr->family, addr->bytes, text, sizeof(text));
    buffer_append_text(out, text);
}

/* ---- quoted bytes ---- */

static const char *escape_of(uint8_t byte)
{
    switch (byte) {
    case '\r':
        return "\\r";
    case '\n':
        return "\\n";
    case '\t':
        return "\\t";
    case '\\':
        return "\\\\";
    case '"':
        return "\\\"";
    default:
        return NULL;
    }
}

static void append_hex(uint8_t byte, struct buffer *out)
{
    static const char digits[] = "0123456789abcdef";

    buffer_append_byte(out, (uint8_t)digits[byte >> 4]);
    buffer_append_byte(out, (uint8_t)digits[byte & 15]);
}

static bool is_graphic(uint8_t byte)
{
    return byte >= ' ' && byte < 0x7f;
}

/* As text, unless more than a quarter of it is none. */
static void print_bytes(struct bytes bytes, struct buffer *out)
{
    size_t foreign = 0;

    for (size_t i = 0; i < bytes.len; i++)
        foreign += !is_graphic(bytes.data[i]) && escape_of(bytes.data[i]) == NULL;
    bool is_text = foreign * 4 <= bytes.len;
    buffer_append_text(out, is_text ? "\"" : "x\"");
    for (size_t i = 0; i < bytes.len; i++) {
        const char *escape = escape_of(bytes.data[i]);
        if (!is_text) {
            append_hex(bytes.data[i], out);
        } else if (escape != NULL) {
            buffer_append_text(out, escape);
        } else if (is_graphic(bytes.data[i])) {
            buffer_append_byte(out, bytes.data[i]);
        } else {
            buffer_append_text(out, "\\x");
            append_hex(bytes.data[i], out);
        }
    }
    buffer_append_text(out, "\"");
}

static void print_words(const struct scenario_value *value, struct buffer *out)
{
    for (size_t i = 0; i < value->word_count; i++) {
        const struct scenario_word *word = &value->words[i];
        if (i > 0)
            buffer_append_byte(out, ' ');
        buffer_append(out, word->text.data, word->text.len);
        if (word->has_range && word->is_duration)
            value_print_duration(word->range, out);
        else if (word->has_range)
            print_range(word->range, out);
    }
}

void value_print(const struct scenario_line *lines, size_t line_count,
                 const struct param_info *param, const struct scenario_value *value,
                 struct buffer *out)
{
    switch (param->type) {
    case TYPE_NUMBER:
        print_range(value->range, out);
        break;
    case TYPE_DURATION:
        value_print_duration(value->range, out);
        break;
    case TYPE_RATE:
        print_rate(value->range, out);
        break;
    case TYPE_COPIES:
        buffer_append_byte(out, 'x');
        print_range(value->range, out);
        break;
    case TYPE_HEX:
        buffer_printf(out, "0x%llx", (unsigned long long)value->range.min);
        break;
    case TYPE_SHIFT:
        buffer_append_byte(out, value->is_negative ? '-' : '+');
        value_print_duration(value->range, out);
        break;
    case TYPE_ADDRESS:
        print_address(&value->addr, out);
        break;
    case TYPE_ENDPOINT: {
        char text[ADDR_TEXT_BYTES];
        buffer_append_text(out, addr_print(&value->addr, text));
        break;
    }
    case TYPE_BYTES:
        print_bytes(value->text, out);
        break;
    case TYPE_WORD:
    case TYPE_SPEC:
    case TYPE_PATH:
    case TYPE_NAME:
    case TYPE_THREAD:
    case TYPE_RAW:
        buffer_append(out, value->text.data, value->text.len);
        break;
    case TYPE_ACTOR:
        draft_append_ref(lines, line_count, &value->a, out);
        break;
    case TYPE_PAIR:
        draft_append_ref(lines, line_count, &value->a, out);
        buffer_append_byte(out, value->is_one_way ? '>' : '-');
        draft_append_ref(lines, line_count, &value->b, out);
        break;
    case TYPE_SITE:
        draft_append_ref(lines, line_count, &value->a, out);
        buffer_append_byte(out, '.');
        buffer_append(out, value->text.data, value->text.len);
        break;
    case TYPE_THREAD_AT:
    case TYPE_DRAW_AT:
        buffer_append(out, value->text.data, value->text.len);
        buffer_append_byte(out, '@');
        buffer_append_number(out, value->range.min);
        break;
    case TYPE_WORDS:
        print_words(value, out);
        break;
    case TYPE_PROTOCOL:
    case TYPE_SWITCH:
    case TYPE_HTTP:
    case TYPE_SIGNAL:
    case TYPE_ERRNO:
    case TYPE_POINTS:
    case TYPE_H2_FRAME:
    case TYPE_H2_ERROR:
        buffer_append_text(out, word_text(param->type, word_find_value(param->type, value->word)));
        break;
    case TYPE_FLAG:
    case TYPE_SIGN:
        buffer_append_text(out, param->word);
        break;
    }
}

size_t value_cost(const struct param_info *param, const struct scenario_value *value)
{
    enum { NUMBERS = 48, NAME = 32 };
    size_t cost = strlen(param->word) + 2; /* " word=" */

    if (param->type == TYPE_BYTES)
        return cost + value->text.len * 3 + 4;
    if (param->type == TYPE_ADDRESS || param->type == TYPE_ENDPOINT)
        return cost + ADDR_TEXT_BYTES;
    if (param->type == TYPE_PAIR)
        return cost + NAME + 1 + NAME;
    for (size_t i = 0; i < value->word_count; i++)
        cost += value->words[i].text.len + (value->words[i].has_range ? NUMBERS : 0) + 1;
    return cost + value->text.len + NUMBERS;
}
