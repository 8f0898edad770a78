/*
 * sim/report/symbols.h - code addresses to functions, files and lines, by our own debug
 * information.
 *
 * All addresses here are return addresses, as points and findings carry them: the call they stand
 * behind is looked up. Functions of the seam itself (core/base/lock.h, core/base/atomic.h) are
 * passed over for whoever called them, and paths are relative to the source root, so that the same
 * code prints the same words on every machine.
 *
 * Owner: the process; answers are cached for ever.  Threads: one, and only between runs, because
 * libdw allocates.
 */
#ifndef SIM_REPORT_SYMBOLS_H
#define SIM_REPORT_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYMBOL_FUNCTION_BYTES = 80, SYMBOL_FILE_BYTES = 120, SYMBOL_FRAMES_MAX = 16 };

/* Where code is. Unknown: function "?", file "", line 0; code without line numbers has "" and 0. */
struct symbol {
    char function[SYMBOL_FUNCTION_BYTES];
    char file[SYMBOL_FILE_BYTES];
    uint32_t line;
};

/* The innermost function that is not the seam's. Never NULL, valid for ever. */
const struct symbol *symbols_lookup(const void *pc);

/* All frames at `pc`, inlined ones included, innermost first, the seam's left out. Returns how many
 * were written, at least 1 when `frames_max` is. */
size_t symbols_frames(const void *pc, struct symbol *frames, size_t frames_max);

/* The variable that holds `address`, "name" or "name+0x10"; "?" when there is none. */
void symbols_variable(const void *address, char *out, size_t out_bytes);

/* Replaces each {pc:HEX} in `text` (capacity `text_bytes`) by the function's name, and each
 * {data:HEX} by the variable's. */
void symbols_expand(char *text, size_t text_bytes);
/* The same, by "function (file:line) <- ...", with all functions that were inlined there. */
void symbols_expand_places(char *text, size_t text_bytes);

/* The last part of a path: what fits in a lane. */
const char *symbols_basename(const char *path);

#endif
