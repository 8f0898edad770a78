#include "core/tls/context.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/err.h"
#include "core/tls/session.h"

#ifdef CORE_SIMULATED
static const struct tls_library *const library_of_build = &tls_standin;
#else
static const struct tls_library *const library_of_build = &tls_gnutls;
#endif

int tls_context_new_with(const struct tls_library *library, const struct tls_options *options,
                         struct tls_context **out, char error[TLS_ERROR_BYTES])
{
    struct tls_context *context;
    int result;

    *out = NULL;
    error[0] = '\0';
    if (!options->is_client && (options->certificate_file == NULL || options->key_file == NULL)) {
        (void)snprintf(error, TLS_ERROR_BYTES, "a TLS server needs a certificate and its key");
        return -ERR_ARGUMENT;
    }
    context = calloc(1, sizeof(*context));
    if (context == NULL)
        return -ERR_MEMORY;
    context->library = library;
    context->options = *options;
    result = library->open_context(context, error);
    if (result != 0) {
        free(context);
        return result;
    }
    context->options.certificate_file = NULL;
    context->options.key_file = NULL;
    context->options.trust_file = NULL;
    pool_init(&context->sessions, "tls", library->session_bytes, TLS_SESSIONS_MAX);
    *out = context;
    return 0;
}

int tls_context_new(const struct tls_options *options, struct tls_context **out,
                    char error[TLS_ERROR_BYTES])
{
    return tls_context_new_with(library_of_build, options, out, error);
}

void tls_context_free(struct tls_context *context)
{
    if (context == NULL)
        return;
    pool_fini(&context->sessions);
    context->library->close_context(context);
    free(context);
}

struct tls_session *tls_session_new(struct tls_context *context, int fd, const char *server_name)
{
    struct tls_session *session = pool_take_zero(&context->sessions);

    if (session == NULL)
        return NULL;
    session->context = context;
    session->fd = fd;
    if (context->library->open(session, server_name) == 0)
        return session;
    pool_give(&context->sessions, session);
    return NULL;
}

void tls_session_free(struct tls_session *session)
{
    struct tls_context *context = session->context;

    context->library->close(session);
    pool_give(&context->sessions, session);
}

const char *tls_status_name(enum tls_status status)
{
    static const char *const names[] = {
#define TLS_STATUS_NAME(name) #name,
        TLS_STATUSES(TLS_STATUS_NAME)
#undef TLS_STATUS_NAME
    };

    return (unsigned)status < ARRAY_LEN(names) ? names[status] : "?";
}
