/*
 * sim/cc/arguments.h - what a compiler's command line asks for.
 *
 * Reads the words of clang and gcc as far as a wrapper has to: what is an input and what only the
 * value of an option, up to which step the compiler is to go, and the few options that change how
 * an instrumented program is compiled and linked. Every other word is the compiler's business.
 *
 * Owner: the caller; words are borrowed.  Threads: one.
 */
#ifndef SIM_CC_ARGUMENTS_H
#define SIM_CC_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/cc/words.h"

enum cc_action {
    CC_QUERY,      /* nothing to compile or link: a question, or the compiler's own error */
    CC_PREPROCESS, /* -E, -M, -MM */
    CC_COMPILE,    /* -c, -S, -fsyntax-only, a precompiled header */
    CC_RELOCATE,   /* -r: objects in, an object out */
    CC_SHARE,      /* -shared */
    CC_LINK,       /* a program */
};

enum cc_language {
    CC_LINKER_INPUT, /* objects, archives, libraries: whatever the compiler hands to the linker */
    CC_C,            /* C, C++ and Objective-C, also preprocessed, also headers */
    CC_CXX,
    CC_ASSEMBLER,
    CC_BITCODE, /* of LLVM: instrumented when it was made, or never */
};

struct cc_input {
    size_t at; /* its index in `words` */
    const char *path;
    enum cc_language language;
};

struct cc_arguments {
    struct words words; /* as given, response files expanded */
    enum cc_action action;
    struct cc_input *inputs;
    size_t input_count;
    size_t source_count;   /* inputs in C or C++ */
    bool has_language;     /* -x: still in force at the end */
    bool has_linker;       /* -fuse-ld, --ld-path */
    bool is_static;        /* -static, -static-pie */
    bool is_freestanding;  /* -nostdlib and its like, and no -lc */
    bool is_without_debug; /* the last word about it was -g0 */
    bool is_silent;        /* -w */
    bool checks_undefined; /* -fsanitize=undefined or a part of it */
    char error[256];       /* why this cannot be done under Heddle; empty: it can */
};

/* `items` are the words behind the compiler's name. */
void cc_arguments_parse(struct cc_arguments *arguments, const char *const *items, size_t count);

/* Whether the next word belongs to `word`, as that of -o does. */
bool cc_takes_next_word(const char *word);

#endif
