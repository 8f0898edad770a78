/*
 * core/tls/gnutls_context.h - credentials, priorities, ticket keys: what GnuTLS sessions share.
 *
 * Only read once it is open, but for what a client keeps in order to resume: the newest ticket,
 * used once (RFC 8446, C.4), and only for the name it was got under.
 *
 * Threads: any; opened and closed by one.
 */
#ifndef CORE_TLS_GNUTLS_CONTEXT_H
#define CORE_TLS_GNUTLS_CONTEXT_H

#include <gnutls/gnutls.h>

#include "core/base/attr.h"
#include "core/base/lock.h"
#include "core/base/pool.h"
#include "core/tls/session.h"

/* A record and its head, so that one system call brings both in. */
enum { GNUTLS_AHEAD_BYTES = TLS_RECORD_BYTES + 512 };

struct gnutls_context {
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    gnutls_datum_t ticket_key; /* a server's */
    bool is_verifying;
    struct pool aheads; /* GNUTLS_AHEAD_BYTES each */
    struct lock lock;   /* "tls.resume", a leaf; guards what follows */
    gnutls_datum_t resume;
    char resume_name[TLS_SERVER_NAME_BYTES];
};

MUST_CHECK int gnutls_context_open(struct tls_context *context, char error[TLS_ERROR_BYTES]);
void gnutls_context_close(struct tls_context *context);

/* Lets `session` resume if there is something to resume. */
void gnutls_context_resume(struct gnutls_context *context, gnutls_session_t session,
                           const char *name);

/* Keeps what `session`, whose handshake was completed, got for the next one. */
void gnutls_context_keep(struct gnutls_context *context, gnutls_session_t session,
                         const char *name);

#endif
