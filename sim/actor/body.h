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

#include <stddef.h>
#include <stdint.h>

/* Byte `offset` of body `key`. */
uint8_t body_byte(uint32_t key, uint64_t offset);

/* Bytes offset.. of body `key`. */
void body_fill(uint32_t key, uint64_t offset, uint8_t *out, size_t len_bytes);

/* How many of the first bytes are right: len_bytes when all are. */
size_t body_match(uint32_t key, uint64_t offset, const uint8_t *bytes, size_t len_bytes);

#endif
