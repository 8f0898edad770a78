/*
 * sim/actor/hpack.c - see hpack.h.
 */
#include "sim/actor/hpack.h"

#include <string.h>

#include "sim/sched/sched.h"

enum { TABLE_BYTES = 4096 };

/* In front of what nghttp2 gets, so that it can be moved. */
struct block {
    _Alignas(16) size_t size;
};

static void *allocate(size_t size, void *context)
{
    struct block *block = arena_take(sched_arena(), sizeof(*block) + size);

    (void)context;
    block->size = size;
    return block + 1;
}

static void *allocate_zeroed(size_t count, size_t size, void *context)
{
    return allocate(count * size, context);
}

static void *allocate_again(void *old, size_t size, void *context)
{
    const struct block *block = (const struct block *)old - 1;
    void *moved = allocate(size, context);

    if (old != NULL)
        memcpy(moved, old, block->size < size ? block->size : size);
    return moved;
}

/* The arena goes whole. */
static void give_back(void *old, void *context)
{
    (void)old;
    (void)context;
}

void hpack_init(struct hpack *hpack)
{
    hpack->memory = (nghttp2_mem){
        .malloc = allocate,
        .free = give_back,
        .calloc = allocate_zeroed,
        .realloc = allocate_again,
    };
    if (nghttp2_hd_deflate_new2(&hpack->deflater, TABLE_BYTES, &hpack->memory) != 0 ||
        nghttp2_hd_inflate_new2(&hpack->inflater, &hpack->memory) != 0)
        finding_fail(FINDING_EXPECTATION, NULL, "expectation: no memory for header compression");
}

void hpack_add(struct hpack_list *list, const char *name, size_t name_len, const char *value,
               size_t value_len)
{
    if (list->count == HPACK_FIELDS_MAX)
        return;
    list->fields[list->count++] = (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name,
        .namelen = name_len,
        .value = (uint8_t *)(uintptr_t)value,
        .valuelen = value_len,
    };
}

const uint8_t *hpack_deflate(struct hpack *hpack, const struct hpack_list *list, size_t *len_bytes)
{
    size_t bound = nghttp2_hd_deflate_bound(hpack->deflater, list->fields, list->count);
    uint8_t *block = arena_take(sched_arena(), bound);
    ssize_t len = nghttp2_hd_deflate_hd(hpack->deflater, block, bound, list->fields, list->count);

    *len_bytes = len < 0 ? 0 : (size_t)len;
    return block;
}

bool hpack_inflate(struct hpack *hpack, const uint8_t *block, size_t len_bytes,
                   void (*take)(void *context, const char *name, size_t name_len, const char *value,
                                size_t value_len),
                   void *context)
{
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(hpack->inflater, &field, &flags, block, len_bytes, 1);
        if (used < 0)
            return false;
        block += used;
        len_bytes -= (size_t)used;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
            take(context, (const char *)field.name, field.namelen, (const char *)field.value,
                 field.valuelen);
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0)
            return nghttp2_hd_inflate_end_headers(hpack->inflater) == 0;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && len_bytes == 0)
            return false;
    }
}
