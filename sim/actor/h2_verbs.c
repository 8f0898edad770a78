/*
 * sim/actor/h2_verbs.c - see h2_verbs.h.
 */
#include "sim/actor/h2_verbs.h"

bool h2_is_verb(enum scenario_form form)
{
    return form == FORM_RST_STREAM || form == FORM_GOAWAY || form == FORM_PING ||
           form == FORM_SETTINGS || form == FORM_WINDOW_UPDATE || form == FORM_FRAME ||
           form == FORM_GOT || form == FORM_SEND;
}

static uint32_t draw_or(const struct scenario_value *value, uint32_t otherwise)
{
    return value->is_present ? (uint32_t)draw_from(&value->range) : otherwise;
}

static uint32_t code_or(const struct scenario_value *code, uint32_t otherwise)
{
    return code->is_present ? (uint32_t)code->word : otherwise;
}

static void send_settings(struct h2_end *h2, const struct scenario_event *event)
{
    struct h2_settings settings = {.has = {false}};

    for (uint32_t id = 1; id < H2_END_SETTINGS_COUNT; id++) { /* the form's in their order */
        const struct scenario_value *value = &event->args[id - 1];
        settings.has[id] = value->is_present;
        settings.value[id] = draw_or(value, 0);
    }
    h2_end_set(h2, &settings);
}

static void send_frame(struct h2_end *h2, const struct scenario_event *event)
{
    const struct scenario_value *bytes = SCENARIO_ARG(event, FRAME, BYTES);
    uint8_t type = (uint8_t)draw_from(&SCENARIO_ARG(event, FRAME, TYPE)->range);
    uint8_t flags = (uint8_t)draw_from(&SCENARIO_ARG(event, FRAME, FLAGS)->range);
    uint32_t id = (uint32_t)draw_from(&SCENARIO_ARG(event, FRAME, STREAM)->range);

    /* An answer may come on it. */
    if (type == H2_END_HEADERS && id != 0 && h2_end_stream(h2, id) == NULL)
        (void)h2_end_open(h2, id);
    h2_end_frame(h2, type, flags, id, bytes->text.data, bytes->text.len);
}

static enum script_outcome await_frame(struct h2_end *h2, const struct scenario_event *event)
{
    const struct scenario_value *stream = SCENARIO_ARG(event, GOT, STREAM);
    const struct scenario_value *code = SCENARIO_ARG(event, GOT, CODE);

    if (h2_end_find(h2, (uint8_t)SCENARIO_ARG(event, GOT, FRAME)->word,
                    stream->is_present ? (int64_t)stream->range.min : -1,
                    code->is_present ? code->word : -1)) {
        struct h2_stream *reset = h2_end_stream(h2, h2->seen[h2->seen_next - 1].stream);
        if (reset != NULL && reset->is_reset_got)
            reset->is_taken = true; /* its answer is not awaited */
        return SCRIPT_DONE;
    }
    if (h2->peer->is_reset || h2->peer->is_eof || h2->peer->fd < 0)
        script_fail_waiting(h2->who, event, "and its connection ended");
    return SCRIPT_WAIT;
}

enum script_outcome h2_perform(struct h2_end *h2, const struct h2_stream *stream,
                               const struct scenario_event *event)
{
    uint32_t id = stream == NULL ? h2->id_max : stream->id;

    if (event->form == FORM_GOT)
        return await_frame(h2, event);
    if (event->form == FORM_RST_STREAM)
        h2_end_rst(h2, draw_or(SCENARIO_ARG(event, RST_STREAM, STREAM), id),
                   code_or(SCENARIO_ARG(event, RST_STREAM, CODE), H2_END_CANCEL));
    else if (event->form == FORM_GOAWAY)
        h2_end_goaway(h2,
                      draw_or(SCENARIO_ARG(event, GOAWAY, LAST), h2->is_server ? h2->id_max : 0),
                      code_or(SCENARIO_ARG(event, GOAWAY, CODE), H2_END_NO_ERROR));
    else if (event->form == FORM_PING)
        h2_end_ping(h2);
    else if (event->form == FORM_SETTINGS)
        send_settings(h2, event);
    else if (event->form == FORM_WINDOW_UPDATE)
        h2_end_update(h2, draw_or(SCENARIO_ARG(event, WINDOW_UPDATE, STREAM), 0),
                      (uint32_t)draw_from(&SCENARIO_ARG(event, WINDOW_UPDATE, BYTES)->range));
    else if (event->form == FORM_FRAME)
        send_frame(h2, event);
    else if (event->form == FORM_SEND) {
        h2->is_wild = true;
        peer_send(h2->peer, event->wire.data, event->wire.len);
    }
    return SCRIPT_DONE;
}
