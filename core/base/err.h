/*
 * core/base/err.h - the world's refusals: what a function answers when peer, memory or limits say
 * no.
 *
 * A function that may be refused returns 0 or a negative -ERR_ code and is MUST_CHECK. A code
 * exists only where some caller branches on it. Our own mistakes are BUG_ONs, never codes.
 *
 * Threads: any.
 */
#ifndef CORE_BASE_ERR_H
#define CORE_BASE_ERR_H

/* X(name, text): the value is assigned in this order, from 1. */
#define ERR_LIST(X)                                                                                \
    X(MEMORY, "out of memory")                                                                     \
    X(FULL, "a bound is reached")                                                                  \
    X(BUSY, "somebody else uses it")                                                               \
    X(AGAIN, "not now, wait for readiness")                                                        \
    X(CLOSED, "closed")                                                                            \
    X(SYSTEM, "the kernel refused")                                                                \
    X(PROTOCOL, "the peer broke the protocol")                                                     \
    X(ARGUMENT, "not a valid value")                                                               \
    X(NOT_FOUND, "no such thing")                                                                  \
    X(TIMEOUT, "too late")

enum err {
    ERR_NONE,
#define ERR_ENUM_(name, text) ERR_##name,
    ERR_LIST(ERR_ENUM_)
#undef ERR_ENUM_
};

/* The name of a code, positive or negative ("ERR_FULL"); never NULL. */
const char *err_name(int code);

/* What it means, in words; never NULL. */
const char *err_text(int code);

#endif
