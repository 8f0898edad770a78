#include "core/mux/mux.h"

#include "core/rt/task.h"

const char *stream_error_text(enum stream_error error)
{
    static const char *const texts[] = {
#define STREAM_ERROR_TEXT(name, text) text,
        STREAM_ERRORS(STREAM_ERROR_TEXT)
#undef STREAM_ERROR_TEXT
    };

    return (unsigned)error < ARRAY_LEN(texts) ? texts[error] : "?";
}

static void tell_user(struct stream *stream)
{
    if (stream->user != NULL)
        tasklet_wakeup(stream->user);
}

/* The request can be sent elsewhere: the exchange decides, and finds the channels as they are. */
static bool is_repeatable(enum stream_error error)
{
    return error == STREAM_ERROR_REFUSED || error == STREAM_ERROR_CONNECT;
}

void stream_fail(struct stream *stream, enum stream_error error)
{
    BUG_ON(error == STREAM_ERROR_NONE);
    if (stream->error == STREAM_ERROR_NONE)
        stream->error = error;
    tell_user(stream);
    if (is_repeatable(stream->error))
        return;
    /* Before the head has been put an answer by the exchange is still possible. */
    if (channel_has(stream->recv, CHANNEL_HAS_HEAD) &&
        !channel_has(stream->recv, CHANNEL_END | CHANNEL_BROKEN))
        channel_break(stream->recv);
    if (!channel_has(stream->send, CHANNEL_CLOSED))
        channel_close(stream->send);
}

void stream_let_go(struct stream *stream)
{
    channel_give_room(stream->recv);
    stream->mux = NULL;
    stream->impl = NULL;
}

void stream_sent(struct stream *stream)
{
    if (stream->is_sent)
        return;
    stream->is_sent = true;
    tell_user(stream);
}
