/*
 * sim/actor/body.h - bodies whose every byte follows from a key, so that both ends can check them.
 *
 * A message says in its header `x-body: KEY-LENGTH` (hexadecimal key, decimal length) what its body
 * must be; whoever receives it makes the bytes again and compares. This is the oracle of "bytes in
 * equal bytes out".
 *
 * Owner: plain functions.  Threads: any.
 */
#ifndef SIM_ACTOR_BODY_H
#define SIM_ACTOR_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Byte `offset` of body `key`. */
uint8_t body_byte(uint32_t key, uint64_t offset);

/* Bytes offset.. of body `key`. */
void body_fill(uint32_t key, uint64_t offset, uint8_t *out, size_t len_bytes);

/* How many of the first bytes are right: len_bytes when all are. */
size_t body_match(uint32_t key, uint64_t offset, const uint8_t *bytes, size_t len_bytes);

/* A body on its way in. All zero: nothing is known of it. */
struct body_check {
    bool has_key; /* x-body came */
    uint32_t key;
    uint64_t expected_bytes;
    uint64_t bytes; /* received so far */
    bool is_wrong;  /* a byte, or at the end the length */
};

/* The value of x-body. False when it is none. */
bool body_check_begin(struct body_check *check, const char *value);
void body_check_take(struct body_check *check, const uint8_t *bytes, size_t len_bytes);
void body_check_end(struct body_check *check);

#endif
