/*
 * core/mux/protocols.h - the muxes there are.
 *
 * Each *_new() makes a mux on the calling worker. On success `conn` is the mux's (a front conn is
 * handed back in host->end()); on failure it is still the caller's: -ERR_MEMORY, -ERR_FULL.
 *
 * Threads: the worker that shall serve it.
 */
#ifndef CORE_MUX_PROTOCOLS_H
#define CORE_MUX_PROTOCOLS_H

#include <stddef.h>

#include "core/base/attr.h"

struct buf;
struct conn;
struct mux;
struct mux_env;
struct server;

/*
 * Front. `first` holds what was received already, or is NULL; its storage (BUFFER_UP_IN) becomes
 * the mux's on success. `user` is mux->user. host->begin() may be called before this returns? No:
 * only from the mux's tasklet, which is woken here.
 */
MUST_CHECK int mux_h1_front_new(struct mux_env *env, struct conn *conn, struct buf *first,
                                void *user, struct mux **out);
MUST_CHECK int mux_h2_front_new(struct mux_env *env, struct conn *conn, struct buf *first,
                                void *user, struct mux **out);

/* Back: over a conn that is connected or connecting; streams may be attached at once and wait for
 * the connection. `server` counts it (server_conn_begin() was called). */
MUST_CHECK int mux_h1_back_new(struct mux_env *env, struct conn *conn, struct server *server,
                               struct mux **out);
MUST_CHECK int mux_h2_back_new(struct mux_env *env, struct conn *conn, struct server *server,
                               struct mux **out);
MUST_CHECK int mux_fcgi_back_new(struct mux_env *env, struct conn *conn, struct server *server,
                                 struct mux **out);

/* Of each object in env->muxes[MUX_H1_FRONT], [MUX_H1_BACK] and [MUX_H2]. */
size_t mux_h1_front_bytes(void);
size_t mux_h1_back_bytes(void);
size_t mux_h2_bytes(void);
size_t mux_fcgi_bytes(void); /* [MUX_FCGI] */

#endif
