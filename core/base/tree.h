/*
 * core/base/tree.h - red-black trees inside the objects they order: libbsd's, without its
 * attributes.
 *
 * RB_HEAD, RB_ENTRY, RB_INSERT and the rest are documented in tree(3bsd). TREE_GENERATE_STATIC
 * makes the functions of one tree in the file that uses it.
 *
 * Threads: one at a time.
 */
#ifndef CORE_BASE_TREE_H
#define CORE_BASE_TREE_H

#include <bsd/sys/tree.h>

#include "core/base/attr.h"

#define TREE_GENERATE_STATIC(name, type, field, compare)                                           \
    RB_GENERATE_INTERNAL(name, type, field, compare, UNUSED static)

#endif
