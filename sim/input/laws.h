/*
 * sim/input/laws.h - what text, values and bytes owe each other; for tests and fuzzers.
 *
 * Each returns NULL, or the law that does not hold.
 *
 * Threads: any.
 */
#ifndef SIM_INPUT_LAWS_H
#define SIM_INPUT_LAWS_H

#include <stddef.h>
#include <stdint.h>

struct scenario;

/* parse(print(s)) = s, print(parse(print(s))) = print(s), decode(encode(s)) = s. */
const char *laws_of_scenario(const struct scenario *scenario);

/* Those of whatever the text says, if it says anything. */
const char *laws_of_text(const char *text, size_t len);

/* encode(decode(b)) is canonical, and decode(b) obeys the other laws. */
const char *laws_of_bytes(const uint8_t *data, size_t len);

#endif
