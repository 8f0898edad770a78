/*
 * sim/bench/small.h - the small programs of the benchmark: code under test, watched by the race
 * detector in the explore build.
 *
 * Each is the main() of a program: it finds its memory as the last run left it and begins anew.
 *
 * Threads: virtual ones.
 */
#ifndef SIM_BENCH_SMALL_H
#define SIM_BENCH_SMALL_H

int small_empty(void *arg);
int small_mutex(void *arg);     /* 2 threads take and give one mutex ten times each */
int small_dekker(void *arg);    /* Dekker's mutual exclusion for 3 threads, two rounds */
int small_reference(void *arg); /* 3 threads drop a reference */
int small_mixed(void *arg);     /* 3 threads; lock, load, store, add, unlock */
int small_crowd(void *arg);     /* 100 threads drop a reference */

#endif
