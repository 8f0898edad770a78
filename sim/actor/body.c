/*
 * sim/actor/body.c - see body.h.
 */
#include "sim/actor/body.h"

#include <stdlib.h>

#include "sim/base/random.h"

enum { WORD_BYTES = 8 };

static uint64_t body_word(uint32_t key, uint64_t index)
{
    return random_mix((uint64_t)key << 32 ^ (index + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

uint8_t body_byte(uint32_t key, uint64_t offset)
{
    return (uint8_t)(body_word(key, offset / WORD_BYTES) >> (offset % WORD_BYTES * 8));
}

void body_fill(uint32_t key, uint64_t offset, uint8_t *out, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++)
        out[i] = body_byte(key, offset + i);
}

size_t body_match(uint32_t key, uint64_t offset, const uint8_t *bytes, size_t len_bytes)
{
    size_t i = 0;

    while (i < len_bytes && bytes[i] == body_byte(key, offset + i))
        i++;
    return i;
}

bool body_check_begin(struct body_check *check, const char *value)
{
    char *end;
    unsigned long key = strtoul(value, &end, 16);

    if (*end != '-')
        return false;
    check->has_key = true;
    check->key = (uint32_t)key;
    check->expected_bytes = strtoull(end + 1, NULL, 10);
    return true;
}

void body_check_take(struct body_check *check, const uint8_t *bytes, size_t len_bytes)
{
    if (check->has_key && body_match(check->key, check->bytes, bytes, len_bytes) < len_bytes)
        check->is_wrong = true;
    check->bytes += len_bytes;
}

void body_check_end(struct body_check *check)
{
    if (check->has_key && check->bytes != check->expected_bytes)
        check->is_wrong = true;
}
