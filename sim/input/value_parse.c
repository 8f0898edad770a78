/*
 * Arguments from text. Every reader takes a whole token: nothing is matched by its beginning.
 */
#include "sim/input/value.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "sim/input/buffer.h"

struct unit {
    const char *word;
    uint64_t ns;
};
static const struct unit units[] = {
    {"ns", 1},
    {"us", UINT64_C(1000)},
    {"ms", UINT64_C(1000000)},
    {"s", UINT64_C(1000000000)},
    {"m", UINT64_C(60000000000)},
    {"h", UINT64_C(3600000000000)},
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_lower(char byte)
{
    return byte >= 'a' && byte <= 'z';
}

/* Digits alone, no sign, no leading zero but "0" itself. */
static bool parse_digits(const char *text, size_t len, uint64_t *out)
{
    uint64_t number = 0;

    if (len == 0 || (len > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]) || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
            return false;
    }
    *out = number;
    return true;
}

/* Where ".." begins; len when there is none. */
static size_t find_dots(const char *text, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        if (text[i] == '.' && text[i + 1] == '.')
            return i;
    }
    return len;
}

static bool parse_numbers(const char *text, size_t len, struct range *range)
{
    size_t dots = find_dots(text, len);

    if (!parse_digits(text, dots, &range->min))
        return false;
    range->max = range->min;
    return dots == len || parse_digits(text + dots + 2, len - dots - 2, &range->max);
}

static enum duration_result parse_one_duration(const char *text, size_t len, uint64_t *ns)
{
    size_t digits = 0;

    while (digits < len && is_digit(text[digits]))
        digits++;
    if (!parse_digits(text, digits, ns))
        return DURATION_BAD;
    if (digits == len)
        return DURATION_NO_UNIT;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strlen(units[i].word) == len - digits &&
            memcmp(units[i].word, text + digits, len - digits) == 0)
            return __builtin_mul_overflow(*ns, units[i].ns, ns) ? DURATION_BAD : DURATION_OK;
    }
    return DURATION_BAD;
}

enum duration_result value_parse_duration(const char *text, size_t len, struct range *range)
{
    size_t dots = find_dots(text, len);
    enum duration_result first = parse_one_duration(text, dots, &range->min);

    if (dots == len) {
        range->max = range->min;
        return first;
    }
    /* `0..5ms`: nothing needs no unit when the other end has one. */
    if (first == DURATION_NO_UNIT && range->min == 0)
        first = DURATION_OK;
    enum duration_result second = parse_one_duration(text + dots + 2, len - dots - 2, &range->max);
    if (first == DURATION_BAD || second == DURATION_BAD)
        return DURATION_BAD;
    return first == DURATION_OK ? second : first;
}

/* "1%", "0.25%", in parts per million. */
static bool parse_one_rate(const char *text, size_t len, uint64_t *ppm)
{
    const char *dot = memchr(text, '.', len);
    uint64_t whole = 0;
    uint64_t fraction = 0;

    if (len == 0 || text[len - 1] != '%')
        return false;
    len--;
    size_t whole_len = dot == NULL ? len : (size_t)(dot - text);
    if (whole_len > 3 || !parse_digits(text, whole_len, &whole))
        return false;
    if (dot != NULL) {
        size_t places = len - whole_len - 1;
        if (places == 0 || places > 4)
            return false;
        for (size_t i = 0; i < 4; i++) {
            char byte = i < places ? dot[1 + i] : '0';
            if (!is_digit(byte))
                return false;
            fraction = fraction * 10 + (uint64_t)(byte - '0');
        }
    }
    *ppm = whole * 10000 + fraction;
    return true;
}

static bool parse_rates(const char *text, size_t len, struct range *range)
{
    size_t dots = find_dots(text, len);

    if (dots == len) {
        bool is_rate = parse_one_rate(text, len, &range->min);
        range->max = range->min;
        return is_rate;
    }
    bool is_zero = dots == 1 && text[0] == '0';
    range->min = 0;
    return (is_zero || parse_one_rate(text, dots, &range->min)) &&
           parse_one_rate(text + dots + 2, len - dots - 2, &range->max);
}

static bool parse_hex(const char *text, size_t len, uint64_t *out)
{
    *out = 0;
    if (len < 3 || len > 18 || text[0] != '0' || text[1] != 'x')
        return false;
    for (size_t i = 2; i < len; i++) {
        char byte = text[i];
        if (!is_digit(byte) && !(byte >= 'a' && byte <= 'f'))
            return false;
        *out = *out << 4 | (uint64_t)(is_digit(byte) ? byte - '0' : byte - 'a' + 10);
    }
    return true;
}

/* An address without a port. */
static bool parse_address(const char *text, size_t len, struct addr *addr)
{
    char copy[INET6_ADDRSTRLEN];

    *addr = (struct addr){0};
    if (len >= sizeof(copy))
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    addr->family = memchr(text, ':', len) != NULL ? AF_INET6 : AF_INET;
    return strlen(copy) == len && inet_pton(addr->family, copy, addr->bytes) == 1;
}

bool value_is_word(enum param_type type, const uint8_t *data, size_t len)
{
    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool is_graphic = data[i] > ' ' && data[i] < 0x7f && data[i] != '"';
        bool is_plain = type == TYPE_PATH || (type == TYPE_SPEC && data[i] == '=') ||
                        (data[i] != '=' && data[i] != '#' && data[i] != '@');
        if (!is_graphic || !is_plain)
            return false;
        if (type == TYPE_NAME && !is_lower((char)data[i]) &&
            (i == 0 || (!is_digit((char)data[i]) && data[i] != '_')))
            return false;
    }
    return type != TYPE_PATH || data[0] == '/';
}

void value_classify_word(struct bytes text, struct scenario_word *word)
{
    const char *data = (const char *)text.data;
    size_t dots = find_dots(data, text.len);
    size_t begin = dots;

    word->text = text;
    word->has_range = false;
    word->range = (struct range){0, 0};
    if (dots == text.len)
        return;
    /* A number begins behind what is no digit and no letter, so that "fe1..2" is a name. */
    while (begin > 0 && (is_digit(data[begin - 1]) || is_lower(data[begin - 1])))
        begin--;
    struct range range;
    if (parse_numbers(data + begin, text.len - begin, &range))
        word->is_duration = false;
    else if (value_parse_duration(data + begin, text.len - begin, &range) == DURATION_OK)
        word->is_duration = true;
    else
        return;
    if (range.min > range.max)
        return;
    word->has_range = true;
    word->range = range;
    word->text.len = begin;
}

/* ---- quoted bytes ---- */

static int hex_digit(char byte)
{
    if (is_digit(byte))
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* Between the quotes of x"...": pairs of digits, with spaces between pairs as one likes. */
static bool parse_hex_bytes(const char *text, size_t len, uint8_t *out, size_t *out_len,
                            size_t *bad)
{
    *out_len = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ' ')
            continue;
        int high = hex_digit(text[i]);
        int low = i + 1 < len ? hex_digit(text[i + 1]) : -1;
        if (high < 0 || low < 0) {
            *bad = i;
            return false;
        }
        out[(*out_len)++] = (uint8_t)(high << 4 | low);
        i++;
    }
    return true;
}

static bool parse_quoted(const char *text, size_t len, uint8_t *out, size_t *out_len, size_t *bad)
{
    static const char escapes[] = "r\rn\nt\t\\\\\"\"0\0";

    *out_len = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\\') {
            out[(*out_len)++] = (uint8_t)text[i];
            continue;
        }
        *bad = i++;
        size_t e = 0;
        while (i < len && e < sizeof(escapes) - 1 && escapes[e] != text[i])
            e += 2;
        if (i < len && e < sizeof(escapes) - 1) {
            out[(*out_len)++] = (uint8_t)escapes[e + 1];
        } else if (i + 2 < len && text[i] == 'x' && hex_digit(text[i + 1]) >= 0 &&
                   hex_digit(text[i + 2]) >= 0) {
            out[(*out_len)++] = (uint8_t)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
            i += 2;
        } else {
            return false;
        }
    }
    return true;
}

static bool parse_bytes(struct draft *draft, const struct param_info *param,
                        const struct token *token, struct scenario_value *out)
{
    size_t bad = 0;
    size_t len = 0;
    bool is_hex = token->is_string && token->text[0] == 'x';
    size_t skip = is_hex ? 2 : 1;

    if (!token->is_string)
        return draft_error(draft, token->column, "%s is written in quotes", param->word);
    uint8_t *data = bump_take(draft->memory, token->len);
    const char *inside = token->text + skip;
    size_t inside_len = token->len - skip - 1;
    bool is_good = is_hex ? parse_hex_bytes(inside, inside_len, data, &len, &bad)
                          : parse_quoted(inside, inside_len, data, &len, &bad);
    if (!is_good)
        return draft_error(draft, token->column + (uint32_t)(skip + bad),
                           is_hex ? "here two hexadecimal digits belong"
                                  : "unknown escape: there are \\r \\n \\t \\0 \\\\ \\\" \\xHH");
    if (len < param->least || len > param->most)
        return draft_error(draft, token->column, "%s: %zu bytes, it takes %d to %d", param->word,
                           len, (int)param->least, (int)param->most);
    data[len] = 0;
    out->text = (struct bytes){data, len};
    return true;
}

/* ---- names of things ---- */

static bool parse_ref(struct draft *draft, const char *text, size_t len, uint32_t column,
                      struct scenario_ref *ref)
{
    if (draft_find(draft, text, len, ref))
        return true;
    if (draft_is_wrong_name(draft, text, len))
        return false;
    struct suggestion suggestion;
    suggestion_init(&suggestion, text, len);
    for (size_t i = 0; i < draft->declaration_count; i++)
        suggestion_offer(&suggestion, (const char *)draft->declarations[i].name.data);
    if (suggestion.best != NULL)
        return draft_error(draft, column, "no actor '%.*s' is declared above; did you mean '%s'?",
                           (int)len, text, suggestion.best);
    return draft_error(draft, column, "no actor '%.*s' is declared above", (int)len, text);
}

static bool parse_pair(struct draft *draft, const struct token *token, struct scenario_value *out)
{
    size_t split = 0;

    while (split < token->len && token->text[split] != '-' && token->text[split] != '>')
        split++;
    if (split == 0 || split + 1 >= token->len)
        return draft_error(draft, token->column, "two actors belong here, as in c1-p");
    out->is_one_way = token->text[split] == '>';
    return parse_ref(draft, token->text, split, token->column, &out->a) &&
           parse_ref(draft, token->text + split + 1, token->len - split - 1,
                     token->column + (uint32_t)split + 1, &out->b);
}

static bool copy_word(struct draft *draft, const struct param_info *param, const char *text,
                      size_t len, uint32_t column, struct scenario_value *out)
{
    if (!value_is_word(param->type, (const uint8_t *)text, len)) {
        if (param->type == TYPE_PATH)
            return draft_error(draft, column, "a path begins with '/'");
        if (param->type == TYPE_NAME)
            return draft_error(draft, column,
                               "a name has the letters a-z, digits and '_', a "
                               "letter first");
        return draft_error(draft, column, "%s belongs here", param->word);
    }
    if (len < param->least || len > param->most)
        return draft_error(draft, column, "%s: longer than %d bytes", param->word,
                           (int)param->most);
    out->text = bump_copy(draft->memory, text, len);
    return true;
}

static bool parse_site(struct draft *draft, const struct param_info *param,
                       const struct token *token, struct scenario_value *out)
{
    const char *dot = memchr(token->text, '.', token->len);

    if (dot == NULL)
        return draft_error(draft, token->column, "a node and a call belong here, as in p.accept");
    size_t len = (size_t)(dot - token->text);
    if (!parse_ref(draft, token->text, len, token->column, &out->a))
        return false;
    if (draft_kind(draft, &out->a) != ACTOR_NODE)
        return draft_error(draft, token->column, "'%.*s' is no node", (int)len, token->text);
    return copy_word(draft, param, dot + 1, token->len - len - 1, token->column + (uint32_t)len + 1,
                     out);
}

/* "w2@17": the last '@' counts. */
static bool parse_at(struct draft *draft, const struct param_info *param, const struct token *token,
                     struct scenario_value *out)
{
    size_t at = token->len;

    while (at > 0 && token->text[at - 1] != '@')
        at--;
    if (at == 0 || !parse_digits(token->text + at, token->len - at, &out->range.min) ||
        out->range.min > UINT32_MAX)
        return draft_error(draft, token->column, "%s belongs here", param->word);
    out->range.max = out->range.min;
    if (param->type == TYPE_DRAW_AT && memchr(token->text, '.', at - 1) == NULL)
        return draft_error(draft, token->column, "%s belongs here", param->word);
    return copy_word(draft, param, token->text, at - 1, token->column, out);
}

/* ---- numbers, with their bounds ---- */

static bool bad_number(struct draft *draft, const struct param_info *param,
                       const struct token *token, const char *what)
{
    return draft_error(draft, token->column, "%s: '%.*s' is not %s", param->word,
                       (int)(token->len > 40 ? 40 : token->len), token->text, what);
}

static bool parse_duration(struct draft *draft, const struct param_info *param,
                           const struct token *token, struct scenario_value *out)
{
    switch (value_parse_duration(token->text, token->len, &out->range)) {
    case DURATION_OK:
        return true;
    case DURATION_NO_UNIT:
        return draft_error(draft, token->column, "a duration needs a unit: ns us ms s m h");
    case DURATION_BAD:
        break;
    }
    return bad_number(draft, param, token, "a duration, as 5ms or 1ms..5ms");
}

static bool parse_shift(const char *text, size_t len, struct scenario_value *out)
{
    out->is_negative = text[0] == '-';
    if ((text[0] != '+' && text[0] != '-') || find_dots(text, len) != len ||
        value_parse_duration(text + 1, len - 1, &out->range) != DURATION_OK)
        return false;
    if (out->range.min == 0)
        out->is_negative = false;
    return true;
}

static bool parse_number(struct draft *draft, const struct param_info *param,
                         const struct token *token, struct scenario_value *out)
{
    const char *text = token->text;
    size_t len = token->len;

    if (param->type == TYPE_NUMBER)
        return parse_numbers(text, len, &out->range) ||
               bad_number(draft, param, token, "a number, as 5 or 1..5");
    if (param->type == TYPE_COPIES)
        return (text[0] == 'x' && parse_numbers(text + 1, len - 1, &out->range)) ||
               bad_number(draft, param, token, "a count of copies, as x3 or x1..3");
    if (param->type == TYPE_RATE)
        return parse_rates(text, len, &out->range) ||
               bad_number(draft, param, token, "a rate, as 1% or 0..5%");
    if (param->type == TYPE_SHIFT)
        return parse_shift(text, len, out) ||
               bad_number(draft, param, token, "a shift, as +2s or -5ms");
    if (param->type == TYPE_HEX) {
        bool is_hex = parse_hex(text, len, &out->range.min);
        out->range.max = out->range.min;
        return is_hex || bad_number(draft, param, token, "a hexadecimal number, as 0x1f");
    }
    return parse_duration(draft, param, token, out);
}

static bool check_range(struct draft *draft, const struct param_info *param,
                        const struct token *token, const struct scenario_value *value)
{
    struct buffer text = {0};

    if (value->range.min > value->range.max)
        return draft_error(draft, token->column, "%s: the range is backwards", param->word);
    if (value->range.min >= param->least && value->range.max <= param->most)
        return true;
    struct scenario_value bounds = {.is_present = true, .range = {param->least, param->most}};
    value_print(NULL, 0, param, &bounds, &text);
    if (param->least == param->most) /* of the language itself */
        (void)draft_error(draft, token->column, "%s %.*s is unknown: this is %s %s", param->word,
                          (int)(token->len > 40 ? 40 : token->len), token->text, param->word,
                          text.data);
    else
        (void)draft_error(draft, token->column, "%s is out of bounds: %s", param->word, text.data);
    buffer_fini(&text);
    return false;
}

static bool parse_set(struct draft *draft, const struct param_info *param,
                      const struct token *token, struct scenario_value *out)
{
    size_t index = word_find(param->type, token->text, token->len);
    struct suggestion suggestion;

    if (index < word_count(param->type)) {
        out->word = word_value(param->type, index);
        return true;
    }
    suggestion_init(&suggestion, token->text, token->len);
    for (size_t i = 0; i < word_count(param->type); i++)
        suggestion_offer(&suggestion, word_text(param->type, i));
    if (suggestion.best != NULL)
        return draft_error(draft, token->column, "%s: unknown '%.*s'; did you mean '%s'?",
                           param->word, (int)token->len, token->text, suggestion.best);
    return draft_error(draft, token->column, "%s: unknown '%.*s'", param->word, (int)token->len,
                       token->text);
}

bool value_parse(struct draft *draft, const struct param_info *param, const struct token *token,
                 struct scenario_value *out)
{
    out->is_present = true;
    out->column = token->column;
    if (token->is_string && param->type != TYPE_BYTES)
        return draft_error(draft, token->column, "%s is written without quotes", param->word);
    switch (param->type) {
    case TYPE_NUMBER:
    case TYPE_DURATION:
    case TYPE_RATE:
    case TYPE_COPIES:
    case TYPE_HEX:
    case TYPE_SHIFT:
        return parse_number(draft, param, token, out) && check_range(draft, param, token, out);
    case TYPE_ADDRESS:
        return parse_address(token->text, token->len, &out->addr) ||
               bad_number(draft, param, token, "an address, as 10.0.0.1 or fd00::1");
    case TYPE_ENDPOINT:
        return addr_parse(&out->addr, token->text, token->len) ||
               bad_number(draft, param, token, "an address and port, as 10.0.0.1:80");
    case TYPE_BYTES:
        return parse_bytes(draft, param, token, out);
    case TYPE_WORD:
    case TYPE_SPEC:
    case TYPE_PATH:
    case TYPE_NAME:
    case TYPE_THREAD:
        return copy_word(draft, param, token->text, token->len, token->column, out);
    case TYPE_ACTOR:
        if (!parse_ref(draft, token->text, token->len, token->column, &out->a))
            return false;
        return (param->least >> draft_kind(draft, &out->a) & 1) != 0 ||
               draft_error(draft, token->column, "'%.*s' is no %s", (int)token->len, token->text,
                           param->word);
    case TYPE_PAIR:
        return parse_pair(draft, token, out);
    case TYPE_SITE:
        return parse_site(draft, param, token, out);
    case TYPE_THREAD_AT:
    case TYPE_DRAW_AT:
        return parse_at(draft, param, token, out);
    case TYPE_PROTOCOL:
    case TYPE_SWITCH:
    case TYPE_HTTP:
    case TYPE_SIGNAL:
    case TYPE_ERRNO:
    case TYPE_POINTS:
    case TYPE_H2_FRAME:
    case TYPE_H2_ERROR:
        return parse_set(draft, param, token, out);
    case TYPE_WORDS:
    case TYPE_RAW:
    case TYPE_FLAG:
    case TYPE_SIGN:
        break;
    }
    return false;
}

bool value_may_match(const struct param_info *param, const struct token *token)
{
    if (param->type == TYPE_BYTES)
        return token->is_string;
    if (param->type == TYPE_COPIES)
        return token->len > 1 && token->text[0] == 'x' && is_digit(token->text[1]);
    if (param->type == TYPE_NUMBER) /* a word may follow in its place */
        return token->len > 0 && !token->is_string && is_digit(token->text[0]);
    if (word_count(param->type) > 0)
        return word_find(param->type, token->text, token->len) < word_count(param->type);
    return !token->is_string;
}
