/*
 * fuzz/mutate/invent.c - see invent.h; messages are in grammar.c.
 */
#include "fuzz/mutate/invent.h"

#include <string.h>

#include "fuzz/mutate/mutate.h"
#include "fuzz/world/lawful.h"

enum { PAYLOAD_MAX = 512, NUMBER_SMALL = 8 };

/* ---- numbers ---- */

static uint64_t clamp(uint64_t number, uint64_t least, uint64_t most)
{
    return number < least ? least : number > most ? most : number;
}

/* Small ones, those at the limits, one more or less, twice or half of what there was. */
static uint64_t other_number(struct edit *edit, uint64_t was, uint64_t least, uint64_t most)
{
    switch (edit_below(edit, 8)) {
    case 0:
        return least;
    case 1:
        return clamp(was == 0 ? 0 : was - 1, least, most);
    case 2:
        return clamp(was + 1, least, most);
    case 3:
        return clamp(was / 2, least, most);
    case 4:
        return clamp(was * 2, least, most);
    case 5:
        return clamp(UINT64_C(1) << edit_below(edit, 17), least, most);
    default:
        return clamp(least + edit_below(edit, NUMBER_SMALL), least, most);
    }
}

static void invent_range(struct edit *edit, const struct param_info *param,
                         struct scenario_value *value)
{
    const uint64_t least = other_number(edit, value->range.min, param->least, param->most);

    value->range = (struct range){least, least};
    if (edit_one_in(edit, 6))
        value->range.max = clamp(least + edit_below(edit, NUMBER_SMALL), least, param->most);
}

static void invent_duration(struct edit *edit, const struct param_info *param,
                            struct scenario_value *value)
{
    static const uint64_t durations_ns[] = {0,       1000,     10000,     100000,
                                            1000000, 10000000, 100000000, 1000000000};
    const uint64_t ns = durations_ns[edit_below(edit, 8)];

    value->range.min = clamp(ns, param->least, param->most);
    value->range.max = value->range.min;
}

static void invent_rate(struct edit *edit, struct scenario_value *value)
{
    static const uint64_t rates_ppm[] = {0, 10000, 100000, 300000, 500000, 1000000};

    value->range.min = rates_ppm[edit_below(edit, 6)];
    value->range.max = value->range.min;
}

/* ---- words ---- */

static struct bytes invent_word(struct edit *edit)
{
    static const char *const words[] = {"GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT"};

    return edit_text(edit, "%s", words[edit_below(edit, sizeof(words) / sizeof(words[0]))]);
}

static struct bytes invent_path(struct edit *edit)
{
    static const char *const paths[] = {"/",          "/a",       "/b",   "/a?x=1",
                                        "/a/b/c.php", "/%2e%2e/", "/a//b"};

    return edit_text(edit, "%s", paths[edit_below(edit, sizeof(paths) / sizeof(paths[0]))]);
}

static bool has_endpoint(const struct edit_line *line)
{
    const size_t count = form_param_count(line->line.form);

    for (size_t i = 0; i < count; i++)
        if (form_info(line->line.form)->params[i].type == TYPE_ENDPOINT &&
            line->line.args[i].is_present)
            return true;
    return false;
}

/* One that is somewhere in the scenario. */
static bool invent_endpoint(struct edit *edit, struct scenario_value *value)
{
    const size_t index = edit_find(edit, has_endpoint);

    if (index == edit->count)
        return false;
    const struct scenario_line *line = &edit->lines[index].line;
    for (size_t i = 0; i < form_param_count(line->form); i++)
        if (form_info(line->form)->params[i].type == TYPE_ENDPOINT && line->args[i].is_present)
            value->addr = line->args[i].addr;
    return true;
}

static bool invent_pair(struct edit *edit, struct scenario_value *value)
{
    const bool is_good = edit_pick_actor(edit, UINT32_MAX, &value->a) &&
                         edit_pick_actor(edit, UINT32_MAX, &value->b);

    value->is_one_way = edit_one_in(edit, 3);
    if (is_good && edit_one_in(edit, 3))
        value->b = (struct scenario_ref){.declaration = SCENARIO_ALL};
    return is_good && value->a.declaration != value->b.declaration;
}

static bool invent_site(struct edit *edit, struct scenario_value *value)
{
    size_t count;
    const struct lawful_fault *faults = lawful_faults(&count);

    value->text = edit_text(edit, "%s", faults[edit_below(edit, count)].call);
    return edit_pick_actor(edit, 1u << ACTOR_NODE, &value->a);
}

static bool invent_thread(struct edit *edit, struct scenario_value *value)
{
    struct scenario_ref node;

    if (!edit_pick_actor(edit, 1u << ACTOR_NODE, &node))
        return false;
    value->text = edit_text(edit, "%.*s.w%zu", (int)edit->names[node.declaration].len,
                            (const char *)edit->names[node.declaration].data, edit_below(edit, 3));
    return true;
}

bool invent_value(struct edit *edit, const struct param_info *param, struct scenario_value *value)
{
    value->is_present = true;
    switch (param->type) {
    case TYPE_NUMBER:
    case TYPE_COPIES:
        invent_range(edit, param, value);
        return true;
    case TYPE_DURATION:
        invent_duration(edit, param, value);
        return true;
    case TYPE_RATE:
        invent_rate(edit, value);
        return true;
    case TYPE_SHIFT:
        invent_duration(edit, param, value);
        value->is_negative = value->range.min != 0 && edit_one_in(edit, 2);
        return true;
    case TYPE_ENDPOINT:
        return invent_endpoint(edit, value);
    case TYPE_BYTES:
        value->text = invent_bytes(edit, value->text,
                                   param->most < PAYLOAD_MAX ? (size_t)param->most : PAYLOAD_MAX);
        return value->text.len >= param->least;
    case TYPE_WORD:
        value->text = invent_word(edit);
        return true;
    case TYPE_PATH:
        value->text = invent_path(edit);
        return true;
    case TYPE_ACTOR:
        return edit_pick_actor(edit, (uint32_t)param->least, &value->a);
    case TYPE_PAIR:
        return invent_pair(edit, value);
    case TYPE_SITE:
        return invent_site(edit, value);
    case TYPE_THREAD:
        return invent_thread(edit, value);
    case TYPE_FLAG:
    case TYPE_SIGN:
        return true;
    case TYPE_PROTOCOL:
    case TYPE_SWITCH:
    case TYPE_HTTP:
    case TYPE_SIGNAL:
    case TYPE_ERRNO:
    case TYPE_POINTS:
    case TYPE_H2_FRAME:
    case TYPE_H2_ERROR:
        value->word = word_value(param->type, edit_below(edit, word_count(param->type)));
        return true;
    case TYPE_HEX:
    case TYPE_ADDRESS:
    case TYPE_SPEC:
    case TYPE_NAME:
    case TYPE_THREAD_AT:
    case TYPE_DRAW_AT:
    case TYPE_WORDS:
    case TYPE_RAW:
        return false;
    }
    return false;
}

bool invent_arguments(struct edit *edit, size_t index)
{
    const struct form_info *info = form_info(edit->lines[index].line.form);
    const size_t count = form_param_count(edit->lines[index].line.form);
    struct scenario_value *args = edit_args(edit, index);

    for (size_t i = 0; i < count; i++) {
        const bool is_wanted = !param_is_optional(&info->params[i]) || edit_one_in(edit, 5);
        if (is_wanted && !invent_value(edit, &info->params[i], &args[i]))
            return false;
    }
    return true;
}

/* ---- bytes ---- */

static size_t change_bytes(struct edit *edit, uint8_t *data, size_t len, size_t len_max)
{
    const size_t at = edit_below(edit, len);

    switch (edit_below(edit, 5)) {
    case 0:
        if (len == len_max)
            break;
        memmove(data + at + 1, data + at, len - at);
        data[at] = (uint8_t)edit_below(edit, 256);
        return len + 1;
    case 1:
        if (len < 2)
            break;
        memmove(data + at, data + at + 1, len - at - 1);
        return len - 1;
    case 2:
        if (len != 0)
            data[at] ^= (uint8_t)(1u << edit_below(edit, 8));
        return len;
    case 3: {
        const size_t copied = edit_below(edit, len - at + (len == 0)) + 1;
        if (len == 0 || len + copied > len_max || at + copied > len)
            break;
        memmove(data + at + copied, data + at, len - at);
        return len + copied;
    }
    default:
        break;
    }
    if (len != 0)
        data[at] = (uint8_t)edit_below(edit, 256);
    return len;
}

struct bytes invent_bytes(struct edit *edit, struct bytes from, size_t len_max)
{
    const size_t len = from.len > len_max ? len_max : from.len;
    uint8_t data[4096] = {0};

    if (len_max > sizeof(data))
        len_max = sizeof(data);
    if (len != 0)
        memcpy(data, from.data, len > len_max ? len_max : len);
    const uint64_t seed = random_next(&edit->random);
    if (edit->engine != NULL && edit->engine->bytes != NULL)
        return edit_bytes(edit, data, edit->engine->bytes(data, len, len_max, seed));
    return edit_bytes(edit, data, change_bytes(edit, data, len, len_max));
}
