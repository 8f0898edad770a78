/*
 * sim/input/buffer.h - text that grows.
 *
 * Running out of memory ends the process with a message.
 *
 * Owner: the caller's storage.  Threads: any, one at a time for each object.
 */
#ifndef SIM_INPUT_BUFFER_H
#define SIM_INPUT_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"

/* All zero is empty. `data` is NUL-terminated behind `len` once anything was appended. */
struct buffer {
    char *data;
    size_t len;
    size_t capacity;
};

void buffer_fini(struct buffer *buffer);
void buffer_clear(struct buffer *buffer); /* keeps the memory */

/* Makes room for `len` more bytes and the NUL. */
void buffer_reserve(struct buffer *buffer, size_t len);
void buffer_append(struct buffer *buffer, const void *data, size_t len);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_byte(struct buffer *buffer, uint8_t byte);
void buffer_append_number(struct buffer *buffer, uint64_t number);
void buffer_printf(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
/* Appends spaces until `len` is at least `column` from `begin`. */
void buffer_pad(struct buffer *buffer, size_t begin, size_t column);

#endif
