/*
 * sim/vthread/disturb.h - what a program may not depend on, made different for one run.
 *
 * A run is a function of its choices. A program that reads memory before it wrote there, or decides
 * by where something lies, is not: its repetition differs when these differ, and the self-check
 * (sim/search) says which of them it was.
 *
 * Owner: the process; set between runs.  Threads: one.
 */
#ifndef SIM_VTHREAD_DISTURB_H
#define SIM_VTHREAD_DISTURB_H

#include <stddef.h>

enum disturbance {
    DISTURB_NOTHING = 0,
    DISTURB_HEAP_BYTES = 1 << 0,  /* what fresh memory of the run's heap holds */
    DISTURB_HEAP_PLACE = 1 << 1,  /* where its blocks lie */
    DISTURB_STACK_BYTES = 1 << 2, /* what a new thread's stack holds: all ones */
    DISTURB_STACK_ZEROS = 1 << 3, /* the same, zeros: what it holds by itself may be either */
    DISTURB_STACK_PLACE = 1 << 4, /* where its frames lie */
    DISTURB_ALL = (1 << 5) - 1,
};

enum { DISTURB_HEAP_OFFSET_BYTES = 100016 }; /* no multiple of anything that programs like */

struct identity;

extern unsigned disturb_bits; /* of the next run */

/* Where a thread on this identity begins its stack. */
void *disturb_stack(const struct identity *identity);

/* The caller is about to enter the program, or to go on in it: what is found on the stack below its
 * frame, `size_bytes` deep. As the last thing that a function does, it is below its caller's. */
void disturb_below(size_t size_bytes);

/* "what fresh heap memory holds" and the like, of one bit. */
const char *disturb_words(enum disturbance bit);

#endif
