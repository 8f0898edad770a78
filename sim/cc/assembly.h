/*
 * sim/cc/assembly.h - inline assembly that locks memory: what Heddle cannot see.
 *
 * The compiler calls Heddle's runtime for atomics and plain accesses, not for what an asm statement
 * does. Read from preprocessed text, with its line markers; what system headers hold is left out.
 *
 * Owner: the caller.  Threads: one.
 */
#ifndef SIM_CC_ASSEMBLY_H
#define SIM_CC_ASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>

struct assembly_place {
    const char *file; /* as in the line marker; not ended: `file_len` */
    size_t file_len;
    long line;
    const char *instruction; /* "lock", "xchg"...: a constant */
};

/* Calls `found` for each asm statement of `text` that locks memory, in order. A zero follows the
 * text. */
void assembly_scan(const char *text, size_t len,
                   void (*found)(void *context, const struct assembly_place *place), void *context);

/* Whether the word asm, __asm or __asm__ is in `text`, be it in a comment. */
bool assembly_is_mentioned(const char *text, size_t len);

#endif
