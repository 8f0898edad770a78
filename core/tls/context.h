/*
 * core/tls/context.h - what TLS connections share: certificate and key, trust, protocols to offer.
 *
 * Made once from files before the instance runs, then only read.
 *
 * Threads: any to use; one to make and free.
 */
#ifndef CORE_TLS_CONTEXT_H
#define CORE_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"

struct tls_context;

enum { TLS_ERROR_BYTES = 160 };

struct tls_options {
    bool is_client;
    const char *certificate_file; /* PEM chain; a server must have one */
    const char *key_file;         /* PEM */
    const char *trust_file;       /* client: PEM of those who may sign; NULL: nobody is verified */
    bool has_h1;                  /* ALPN: "http/1.1" */
    bool has_h2;                  /* and "h2", preferred */
};

/* -ERR_MEMORY; -ERR_ARGUMENT with the reason in `error`. Reads files: not on a worker. */
MUST_CHECK int tls_context_new(const struct tls_options *options, struct tls_context **out,
                               char error[TLS_ERROR_BYTES]);

/* No connection uses it any more. NULL does nothing. */
void tls_context_free(struct tls_context *context);

#endif
