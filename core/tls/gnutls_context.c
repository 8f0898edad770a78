#include "core/tls/gnutls_context.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"

/* Ours first, authenticated ciphers only, and keys that a stolen certificate does not give away
 * later. */
static const char PRIORITY[] =
    "NORMAL:%SERVER_PRECEDENCE:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:"
    "+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM";

/* GnuTLS says of a file that cannot be read no more than that. */
static bool is_readable(const char *path, char error[TLS_ERROR_BYTES])
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        (void)snprintf(error, TLS_ERROR_BYTES, "%s: %s", path, strerror(errno));
        return false;
    }
    (void)fclose(file);
    return true;
}

static int refuse(const char *path, int result, char error[TLS_ERROR_BYTES])
{
    if (result == GNUTLS_E_MEMORY_ERROR)
        return -ERR_MEMORY;
    (void)snprintf(error, TLS_ERROR_BYTES, "%s: %s", path, gnutls_strerror(result));
    return -ERR_ARGUMENT;
}

static int load_certificate(struct gnutls_context *self, const struct tls_options *options,
                            char error[TLS_ERROR_BYTES])
{
    int result;

    if (options->certificate_file == NULL)
        return 0;
    if (options->key_file == NULL) {
        (void)snprintf(error, TLS_ERROR_BYTES, "%s: where is its key?", options->certificate_file);
        return -ERR_ARGUMENT;
    }
    if (!is_readable(options->certificate_file, error) || !is_readable(options->key_file, error))
        return -ERR_ARGUMENT;
    result = gnutls_certificate_set_x509_key_file(self->credentials, options->certificate_file,
                                                  options->key_file, GNUTLS_X509_FMT_PEM);
    if (result == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
        (void)snprintf(error, TLS_ERROR_BYTES, "%s: not the key of the certificate in %s",
                       options->key_file, options->certificate_file);
        return -ERR_ARGUMENT;
    }
    return result < 0 ? refuse(options->certificate_file, result, error) : 0;
}

static int load_trust(struct gnutls_context *self, const struct tls_options *options,
                      char error[TLS_ERROR_BYTES])
{
    int result;

    if (!options->is_client || options->trust_file == NULL)
        return 0;
    if (!is_readable(options->trust_file, error))
        return -ERR_ARGUMENT;
    result = gnutls_certificate_set_x509_trust_file(self->credentials, options->trust_file,
                                                    GNUTLS_X509_FMT_PEM);
    if (result == 0) {
        (void)snprintf(error, TLS_ERROR_BYTES, "%s: no certificate in it", options->trust_file);
        return -ERR_ARGUMENT;
    }
    self->is_verifying = true;
    return result < 0 ? refuse(options->trust_file, result, error) : 0;
}

int gnutls_context_open(struct tls_context *context, char error[TLS_ERROR_BYTES])
{
    struct gnutls_context *self = calloc(1, sizeof(*self));
    int result = -ERR_MEMORY;

    if (self == NULL)
        return -ERR_MEMORY;
    if (gnutls_certificate_allocate_credentials(&self->credentials) < 0)
        goto free_self;
    if (gnutls_priority_init(&self->priority, PRIORITY, NULL) < 0)
        goto free_credentials;
    if (!context->options.is_client && gnutls_session_ticket_key_generate(&self->ticket_key) < 0)
        goto free_priority;
    result = load_certificate(self, &context->options, error);
    if (result == 0)
        result = load_trust(self, &context->options, error);
    if (result != 0)
        goto free_key;
    pool_init(&self->aheads, "tls.ahead", GNUTLS_AHEAD_BYTES, TLS_SESSIONS_MAX);
    lock_init(&self->lock, "tls.resume");
    context->of_library = self;
    return 0;

free_key:
    gnutls_free(self->ticket_key.data);
free_priority:
    gnutls_priority_deinit(self->priority);
free_credentials:
    gnutls_certificate_free_credentials(self->credentials);
free_self:
    free(self);
    return result;
}

void gnutls_context_close(struct tls_context *context)
{
    struct gnutls_context *self = context->of_library;

    gnutls_free(self->resume.data);
    lock_fini(&self->lock);
    pool_fini(&self->aheads);
    gnutls_free(self->ticket_key.data);
    gnutls_priority_deinit(self->priority);
    gnutls_certificate_free_credentials(self->credentials);
    free(self);
}

void gnutls_context_resume(struct gnutls_context *context, gnutls_session_t session,
                           const char *name)
{
    gnutls_datum_t data = {NULL, 0};

    lock_take(&context->lock);
    if (strcmp(context->resume_name, name) == 0) {
        data = context->resume;
        context->resume = (gnutls_datum_t){NULL, 0};
    }
    lock_give(&context->lock);
    if (data.data == NULL)
        return;
    /* Refused: then it is a handshake like any other. */
    (void)gnutls_session_set_data(session, data.data, data.size);
    gnutls_free(data.data);
}

void gnutls_context_keep(struct gnutls_context *context, gnutls_session_t session, const char *name)
{
    gnutls_datum_t data, old;

    /* Without a ticket GnuTLS would wait for one. */
    if ((gnutls_session_get_flags(session) & GNUTLS_SFLAGS_SESSION_TICKET) == 0 ||
        gnutls_session_get_data2(session, &data) < 0)
        return;
    lock_take(&context->lock);
    old = context->resume;
    context->resume = data;
    memcpy(context->resume_name, name, strlen(name) + 1);
    lock_give(&context->lock);
    gnutls_free(old.data);
}
