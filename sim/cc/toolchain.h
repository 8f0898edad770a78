/*
 * sim/cc/toolchain.h - the real compiler, its linker, and the runtime to link.
 *
 * Owner: the caller.  Threads: one.
 */
#ifndef SIM_CC_TOOLCHAIN_H
#define SIM_CC_TOOLCHAIN_H

#include <stdbool.h>

#include "sim/cc/words.h"

enum cc_family {
    CC_CLANG,
    CC_GCC,
};

struct toolchain {
    struct words compiler; /* the program, and words that always go before the others */
    enum cc_family family;
    const char *runtime; /* the folder of runtime.o and runtime.flags; NULL: not there */
    char error[256];     /* empty: all well */
};

/* HEDDLE_CC or HEDDLE_CXX; else the newest clang from 19 down to 14; else gcc. The runtime is
 * sought beside this program and where `heddle install` puts it; HEDDLE_RUNTIME names another
 * folder. */
void toolchain_find(struct toolchain *toolchain, bool is_cxx);

/* The value of -fuse-ld; NULL: the compiler's own linker. */
const char *toolchain_linker(const struct toolchain *toolchain);

/* Where PATH has a program of this name, NULL: nowhere. With a slash in it, itself. */
const char *toolchain_which(const char *name);

#endif
