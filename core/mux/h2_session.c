#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/hook.h"
#include "core/mux/h2.h"

/*
 * What nghttp2 allocates. A peer decides how much: headers that wait to be sent, frames to be
 * acknowledged. So each session has a bound, and like every allocation it may be refused.
 */

enum { STREAMS_UNTIL_TOLD = 100 };

/* Before each block; of the size that keeps the block aligned. */
struct block {
    _Alignas(max_align_t) size_t size_bytes;
};

static bool may_hold(struct h2 *h2, size_t size_bytes)
{
    return size_bytes <= h2->mem_bytes_max - h2->mem_bytes && !HOOK_ALLOC_FAILS("nghttp2");
}

static void *resize(void *area, size_t size_bytes, void *user)
{
    struct h2 *h2 = user;
    struct block *had = area == NULL ? NULL : (struct block *)area - 1;
    size_t had_bytes = had == NULL ? 0 : had->size_bytes;

    if (size_bytes > had_bytes && !may_hold(h2, size_bytes - had_bytes))
        return NULL;
    struct block *block = realloc(had, sizeof(*block) + size_bytes);
    if (block == NULL)
        return NULL;
    block->size_bytes = size_bytes;
    h2->mem_bytes += size_bytes - had_bytes;
    return block + 1;
}

static void *allocate(size_t size_bytes, void *user)
{
    return resize(NULL, size_bytes, user);
}

static void *allocate_zero(size_t count, size_t size_bytes, void *user)
{
    if (size_bytes > 0 && count > SIZE_MAX / 2 / size_bytes)
        return NULL;
    void *area = resize(NULL, count * size_bytes, user);
    if (area != NULL)
        memset(area, 0, count * size_bytes);
    return area;
}

static void release(void *area, void *user)
{
    struct h2 *h2 = user;

    if (area == NULL)
        return;
    struct block *block = (struct block *)area - 1;
    BUG_ON(block->size_bytes > h2->mem_bytes);
    h2->mem_bytes -= block->size_bytes;
    free(block);
}

/* A session with its tables and frame buffers, and for each stream nghttp2's part of it with a head
 * that waits to be sent. More than that means that something piles up. */
static size_t mem_bytes_max(const struct mux_env *env)
{
    return ((size_t)256 << 10) + (size_t)env->streams_max * (2048 + env->head_text_bytes * 2);
}

static int queue_settings(struct h2 *h2)
{
    const struct mux_env *env = h2->mux.env;
    nghttp2_settings_entry entries[3];
    size_t count = 0;
    size_t window_bytes = env->buffers.size_bytes;

    if (window_bytes > NGHTTP2_MAX_WINDOW_SIZE)
        window_bytes = NGHTTP2_MAX_WINDOW_SIZE;
    entries[count++] =
        (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)window_bytes};
    entries[count++] =
        (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, env->head_text_bytes};
    if (h2->mux.is_front)
        entries[count++] =
            (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, env->streams_max};
    else
        entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    int result = nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, entries, count);
    if (result != 0)
        return result;
    /* The windows of the streams limit what is held: this one shall not. */
    return nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0, 1 << 20);
}

static nghttp2_option *make_option(const struct h2 *h2)
{
    nghttp2_option *option;

    if (nghttp2_option_new(&option) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_reserved_remote_streams(option, 0);
    /* Until the server has said otherwise: RFC 9113 6.5.2 wants none to allow less. More would be
     * refused, and sent again and again. */
    if (h2->mux.env->streams_max < STREAMS_UNTIL_TOLD)
        nghttp2_option_set_peer_max_concurrent_streams(option, h2->mux.env->streams_max);
    else
        nghttp2_option_set_peer_max_concurrent_streams(option, STREAMS_UNTIL_TOLD);
    nghttp2_option_set_max_outbound_ack(option, 256);
    /* We count resets by ourselves, beside all else that costs: h2_note_flood(). */
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX / 2, 1000);
    return option;
}

int h2_session_open(struct h2 *h2)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int result = NGHTTP2_ERR_NOMEM;

    h2->mem = (nghttp2_mem){h2, allocate, release, allocate_zero, resize};
    h2->mem_bytes_max = mem_bytes_max(h2->mux.env);
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return -ERR_MEMORY;
    h2_recv_set_callbacks(callbacks);
    h2_send_set_callbacks(callbacks);
    option = make_option(h2);
    if (option == NULL)
        goto drop_callbacks;
    if (h2->mux.is_front)
        result = nghttp2_session_server_new3(&h2->session, callbacks, h2, option, &h2->mem);
    else
        result = nghttp2_session_client_new3(&h2->session, callbacks, h2, option, &h2->mem);
    nghttp2_option_del(option);
    if (result == 0)
        result = queue_settings(h2);
    else
        h2->session = NULL;

drop_callbacks:
    nghttp2_session_callbacks_del(callbacks);
    if (result == 0)
        return 0;
    h2_session_close(h2);
    return -ERR_MEMORY;
}

void h2_session_close(struct h2 *h2)
{
    if (h2->session != NULL)
        nghttp2_session_del(h2->session);
    h2->session = NULL;
    BUG_ON(h2->mem_bytes != 0);
}

void h2_note_result(struct h2 *h2, int result)
{
    if (result < 0 && nghttp2_is_fatal(result)) {
        MARK("h2.fatal");
        h2->flags |= H2_BROKEN;
    }
}
