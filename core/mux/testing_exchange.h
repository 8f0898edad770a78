/*
 * core/mux/testing_exchange.h - for testing.c: what stands in for exchanges.
 *
 * Only for tests.  Threads: one.
 */
#ifndef CORE_MUX_TESTING_EXCHANGE_H
#define CORE_MUX_TESTING_EXCHANGE_H

#include <stdbool.h>

struct testing;
struct testing_exchange;

/* On the worker that the test is. testing_end() frees it. */
struct testing_exchange *testing_exchange_new(struct testing *testing);

/* Moves what can be moved between the test and the channels; true if something was. */
bool testing_exchanges_pump(struct testing *testing);

void testing_exchanges_end(struct testing *testing);

#endif
