/*
 * sim/foreign/note.h - the mark of a program that was built with the wrapper: an ELF note that says
 * which runtime is in it. The tool reads it before it starts the program.
 *
 * Threads: any.
 */
#ifndef SIM_FOREIGN_NOTE_H
#define SIM_FOREIGN_NOTE_H

#include <stdint.h>

/* Raised with every change after which a program must be linked again: what the tool passes to it
 * (words, variables) or how its compiled code calls the runtime. */
enum { NOTE_VERSION = 1 };

#define NOTE_NAME "Heddle"
enum { NOTE_NAME_BYTES = 8, NOTE_TYPE = 1 };

/* As it lies in the file. */
struct note {
    uint32_t name_bytes; /* with the NUL */
    uint32_t content_bytes;
    uint32_t type;
    char name[NOTE_NAME_BYTES];
    uint32_t version;
};

#endif
