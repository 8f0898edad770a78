#include <stdio.h>

#include "core/base/err.h"
#include "core/tls/session.h"

static int open_context(struct tls_context *context, char error[TLS_ERROR_BYTES])
{
    (void)context;
    (void)snprintf(error, TLS_ERROR_BYTES, "TLS is not built in");
    return -ERR_ARGUMENT;
}

const struct tls_library tls_gnutls = {
    .name = "gnutls",
    .session_bytes = sizeof(struct tls_session),
    .open_context = open_context,
};
