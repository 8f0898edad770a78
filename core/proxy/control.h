/*
 * core/proxy/control.h - the control listener: what the servers do, and how to take one away.
 *
 *     GET  /status                            numbers of all servers, a line each
 *     POST /servers/BACKEND/N/maintenance     N from 1, in the order of the configuration
 *     POST /servers/BACKEND/N/ready
 *     POST /servers/BACKEND/N/remove          409 while it is in use or not in maintenance
 *
 * A removal isolates its worker, and whoever else isolates itself meanwhile may end the exchange
 * that asked for it. So it is made by a task of the worker that holds on to no exchange.
 *
 * Threads: said at each function.
 */
#ifndef CORE_PROXY_CONTROL_H
#define CORE_PROXY_CONTROL_H

#include <stddef.h>

#include "core/base/attr.h"
#include "core/rt/task.h"

struct exchange;
struct proxy;

enum { CONTROL_LINE_BYTES = 224 };

/* Before the instance runs: each worker's task. -ERR_MEMORY. And its end. */
MUST_CHECK int control_init(struct proxy *proxy);
void control_fini(struct proxy *proxy);

/* A request of the control listener: moves on to ANSWER, or stays in ROUTE until a removal is over.
 * The exchange's worker. */
void control_begin(struct exchange *exchange);

/* The exchange ends before its removal is over. Its worker. */
void control_cancel(struct exchange *exchange);

/* Line `index` of the status, without NUL; returns its length, 0 behind the last. Any worker. */
size_t control_print_line(struct proxy *proxy, unsigned index, char out[CONTROL_LINE_BYTES]);

#endif
