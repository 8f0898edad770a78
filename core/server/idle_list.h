/*
 * core/server/idle_list.h - the steps of idle.h that need the lock: where a connection is, and as
 * what it is counted.
 *
 * For idle*.c alone. The caller holds the idle lock of conn->worker, or is alone.
 *
 * Threads: any, under the lock.
 */
#ifndef CORE_SERVER_IDLE_LIST_H
#define CORE_SERVER_IDLE_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/server/idle.h"

struct idle_worker *idle_worker_of(const struct idle_conn *conn);
struct idle_server_worker *idle_server_worker_of(const struct idle_conn *conn);

/* In idle or safe: where thieves look. */
static inline bool idle_is_stealable(const struct idle_conn *conn)
{
    return conn->place == IDLE_IN_IDLE || conn->place == IDLE_IN_SAFE;
}

static inline bool idle_is_counted_idle(const struct idle_conn *conn)
{
    return conn->counted == IDLE_COUNTED_IDLE || conn->counted == IDLE_COUNTED_SAFE;
}

/* From NOWHERE into the tree, list or queue of `place`. */
void idle_link(struct idle_conn *conn, enum idle_place place);

/* Out of whatever it is in; nothing if that is nowhere. */
void idle_unlink(struct idle_conn *conn);

/* Moves it from one counter to another. It is its owner's: not stolen yet, or already. */
void idle_count_as(struct idle_conn *conn, enum idle_counted counted);

/* The newest of a tree with that key, and the next one after it; NULL: none. */
struct idle_conn *idle_find(struct idle_tree *tree, uint64_t key);
struct idle_conn *idle_find_next(struct idle_conn *conn);

/* Any of a tree, for who empties it; NULL: empty. */
struct idle_conn *idle_find_any(struct idle_tree *tree);
struct idle_conn *idle_find_after(struct idle_conn *conn);

/* Into the to-remove queue of its owner, whose cleanup task the caller wakes afterwards. */
void idle_move_to_remove(struct idle_conn *conn);

/* Does its server keep connections? */
bool idle_is_wanted(const struct server *server);

/* idle_purge.c: the server gets a date for its next purge on this worker, if it has none. The
 * worker itself. */
void idle_purge_plan(struct idle_worker *worker, struct idle_server_worker *mine);

/* idle_purge.c: the tasks of a worker. */
struct task *idle_purge_run(struct task *task, void *ctx, uint32_t bits);
struct task *idle_cleanup_run(struct task *task, void *ctx, uint32_t bits);

#endif
