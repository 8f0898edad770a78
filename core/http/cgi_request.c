#include <string.h>
#include <strings.h>

#include "core/http/cgi.h"

/* Written twice: to nowhere, to know how long it is, and then behind that length. */
struct sink {
    struct fcgi_out *out; /* NULL: only counted */
    size_t len;
};

static void put(struct sink *sink, const void *data, size_t len)
{
    sink->len += len;
    if (sink->out != NULL)
        fcgi_put(sink->out, data, len);
}

static void put_text(struct sink *sink, const char *text)
{
    put(sink, text, strlen(text));
}

static void put_slice(struct sink *sink, const struct cgi_request *request, struct http_slice slice)
{
    put(sink, http_head_text(request->head, slice), slice.len);
}

static void put_number(struct sink *sink, uint64_t number)
{
    char text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(sink, text + at, sizeof(text) - at);
}

/* --- paths --- */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte at `*at`, decoded (RFC 3986 2.1), or -1: "%zz", or a control byte. */
static int next_byte(const char *path, size_t len, size_t *at)
{
    unsigned byte = (unsigned char)path[*at];

    if (byte == '%') {
        int high = len - *at >= 3 ? digit_of(path[*at + 1]) : -1;
        int low = high >= 0 ? digit_of(path[*at + 2]) : -1;
        if (low < 0)
            return -1;
        byte = (unsigned)(high << 4 | low);
        *at += 2;
    }
    *at += 1;
    return byte < 0x20 || byte == 0x7f ? -1 : (int)byte;
}

/* Follows the segments of a decoded path. */
struct walk {
    size_t begin; /* of the segment, decoded */
    size_t dots;
    char tail[4]; /* the last bytes of the segment */
};

static void walk_next(struct walk *walk, char c, size_t decoded_at)
{
    if (c == '/') {
        *walk = (struct walk){.begin = decoded_at + 1};
        return;
    }
    walk->dots += c == '.';
    memmove(walk->tail, walk->tail + 1, sizeof(walk->tail) - 1);
    walk->tail[sizeof(walk->tail) - 1] = c;
}

/* "." and ".." mean another path to whoever opens the file. */
static bool is_dots(const struct walk *walk, size_t decoded_at)
{
    size_t len = decoded_at - walk->begin;

    return walk->dots == len && (len == 1 || len == 2);
}

static bool is_script(const struct walk *walk)
{
    return memcmp(walk->tail, ".php", sizeof(walk->tail)) == 0;
}

/* Checks the path, and splits it behind the first segment that ends in ".php". */
static bool split(struct cgi_request *request, const char *path)
{
    struct walk walk = {0};
    size_t len = request->path_len;
    size_t decoded_at = 0;
    int byte = 0;

    request->script_len = request->path_len;
    for (size_t at = 0; at < len; decoded_at++) {
        size_t before = at;
        byte = next_byte(path, len, &at);
        if (byte < 0 || (byte == '/' && is_dots(&walk, decoded_at)))
            return false;
        if (byte == '/' && is_script(&walk) && request->script_len == request->path_len)
            request->script_len = (uint32_t)before;
        walk_next(&walk, (char)byte, decoded_at);
    }
    request->has_index = byte == '/' && request->script_len == request->path_len;
    return !is_dots(&walk, decoded_at);
}

bool cgi_request_init(struct cgi_request *request, const struct http_head *head,
                      const struct cgi_options *options, bool has_length, uint64_t length_bytes)
{
    const char *path = http_head_text(head, head->path);

    *request = (struct cgi_request){
        .head = head,
        .options = options,
        .has_length = has_length,
        .length_bytes = length_bytes,
    };
    if (head->path.len == 0 || path[0] != '/')
        return false;
    const char *query = memchr(path, '?', head->path.len);
    request->path_len = query == NULL ? head->path.len : (uint32_t)(query - path);
    return split(request, path);
}

static void put_decoded(struct sink *sink, const struct cgi_request *request, size_t from,
                        size_t to)
{
    const char *path = http_head_text(request->head, request->head->path);

    for (size_t at = from; at < to;) {
        char c = (char)next_byte(path, to, &at);
        put(sink, &c, 1);
    }
}

/* --- the parameters that each request has --- */

static void put_script_name(struct sink *sink, const struct cgi_request *request)
{
    put_decoded(sink, request, 0, request->script_len);
    if (request->has_index)
        put_text(sink, request->options->index);
}

static void put_script_filename(struct sink *sink, const struct cgi_request *request)
{
    put_text(sink, request->options->root);
    put_script_name(sink, request);
}

static void put_path_info(struct sink *sink, const struct cgi_request *request)
{
    put_decoded(sink, request, request->script_len, request->path_len);
}

static void put_document_uri(struct sink *sink, const struct cgi_request *request)
{
    put_script_name(sink, request);
    put_path_info(sink, request);
}

static void put_document_root(struct sink *sink, const struct cgi_request *request)
{
    put_text(sink, request->options->root);
}

static void put_query(struct sink *sink, const struct cgi_request *request)
{
    const char *path = http_head_text(request->head, request->head->path);
    uint32_t len = request->head->path.len;

    if (request->path_len < len)
        put(sink, path + request->path_len + 1, len - request->path_len - 1);
}

static void put_uri(struct sink *sink, const struct cgi_request *request)
{
    put_slice(sink, request, request->head->path);
}

static void put_method(struct sink *sink, const struct cgi_request *request)
{
    put_slice(sink, request, request->head->method_text);
}

static void put_scheme(struct sink *sink, const struct cgi_request *request)
{
    put_slice(sink, request, request->head->scheme);
}

static void put_protocol(struct sink *sink, const struct cgi_request *request)
{
    put_text(sink, request->head->minor == 0 ? "HTTP/1.0" : "HTTP/1.1");
}

static void put_gateway(struct sink *sink, const struct cgi_request *request)
{
    (void)request;
    put_text(sink, "CGI/1.1");
}

static void put_software(struct sink *sink, const struct cgi_request *request)
{
    (void)request;
    put_text(sink, "heddle");
}

/* A PHP that was built to be called by servers only wants to see it. */
static void put_redirect_status(struct sink *sink, const struct cgi_request *request)
{
    (void)request;
    put_text(sink, "200");
}

static void put_authority(struct sink *sink, const struct cgi_request *request)
{
    put_slice(sink, request, request->head->authority);
}

/* Where the host ends in the authority: at a colon that is not inside brackets. */
static uint32_t host_len(const struct cgi_request *request)
{
    struct http_slice authority = request->head->authority;
    const char *text = http_head_text(request->head, authority);
    uint32_t len = authority.len;

    while (len > 0 && text[len - 1] >= '0' && text[len - 1] <= '9')
        len--;
    return len > 0 && text[len - 1] == ':' ? len - 1 : authority.len;
}

static void put_server_name(struct sink *sink, const struct cgi_request *request)
{
    put(sink, http_head_text(request->head, request->head->authority), host_len(request));
}

static bool is_https(const struct cgi_request *request)
{
    struct http_slice scheme = request->head->scheme;

    return scheme.len == 5 && memcmp(http_head_text(request->head, scheme), "https", 5) == 0;
}

static void put_server_port(struct sink *sink, const struct cgi_request *request)
{
    struct http_slice authority = request->head->authority;
    uint32_t at = host_len(request) + 1;

    if (at < authority.len)
        put(sink, http_head_text(request->head, authority) + at, authority.len - at);
    else
        put_text(sink, is_https(request) ? "443" : "80");
}

/* Optional ones: nothing written means that the parameter is left out. */

/* The colon before the port; 0: the address is not known. */
static uint32_t find_client_port(const struct http_head *head)
{
    const char *text = http_head_text(head, head->client);
    uint32_t at = head->client.len;

    while (at > 0 && text[at - 1] != ':')
        at--;
    return at > 0 ? at - 1 : 0;
}

static void put_remote_addr(struct sink *sink, const struct cgi_request *request)
{
    const char *text = http_head_text(request->head, request->head->client);
    uint32_t len = find_client_port(request->head);
    bool is_bracketed = len > 1 && text[0] == '[';

    put(sink, text + is_bracketed, len - 2U * is_bracketed);
}

static void put_remote_port(struct sink *sink, const struct cgi_request *request)
{
    const struct http_slice *client = &request->head->client;
    uint32_t colon = find_client_port(request->head);

    if (colon > 0)
        put(sink, http_head_text(request->head, *client) + colon + 1, client->len - colon - 1);
}

static void put_https(struct sink *sink, const struct cgi_request *request)
{
    if (is_https(request))
        put_text(sink, "on");
}

static void put_length(struct sink *sink, const struct cgi_request *request)
{
    if (request->has_length)
        put_number(sink, request->length_bytes);
}

static void put_type(struct sink *sink, const struct cgi_request *request)
{
    const struct http_field *field = http_head_find(request->head, "content-type");

    if (field != NULL)
        put_slice(sink, request, field->value);
}

static const struct {
    const char *name;
    void (*put)(struct sink *sink, const struct cgi_request *request);
    bool is_optional;
} params[] = {
    {"GATEWAY_INTERFACE", put_gateway, false},
    {"SERVER_SOFTWARE", put_software, false},
    {"SERVER_PROTOCOL", put_protocol, false},
    {"SERVER_NAME", put_server_name, false},
    {"SERVER_PORT", put_server_port, false},
    {"REQUEST_METHOD", put_method, false},
    {"REQUEST_SCHEME", put_scheme, false},
    {"REQUEST_URI", put_uri, false},
    {"QUERY_STRING", put_query, false},
    {"DOCUMENT_ROOT", put_document_root, false},
    {"DOCUMENT_URI", put_document_uri, false},
    {"SCRIPT_NAME", put_script_name, false},
    {"SCRIPT_FILENAME", put_script_filename, false},
    {"REDIRECT_STATUS", put_redirect_status, false},
    {"PATH_INFO", put_path_info, true},
    {"REMOTE_ADDR", put_remote_addr, true},
    {"REMOTE_PORT", put_remote_port, true},
    {"HTTPS", put_https, true},
    {"HTTP_HOST", put_authority, true},
    {"CONTENT_LENGTH", put_length, true},
    {"CONTENT_TYPE", put_type, true},
};

/* --- fields --- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_field_passed(const char *name, size_t len)
{
    /* The first has a parameter of its own; the second too, or must not be the client's to say; the
     * third would be HTTP_PROXY; the fourth is the authority. */
    static const char *const dropped[] = {"content-type", "content-length", "proxy", "host"};

    for (size_t i = 0; i < ARRAY_LEN(dropped); i++) {
        if (strlen(dropped[i]) == len && strncasecmp(dropped[i], name, len) == 0)
            return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_letter(name[i]) && !(name[i] >= '0' && name[i] <= '9') && name[i] != '-')
            return false;
    }
    return len > 0;
}

static bool is_same_name(const struct http_head *head, const struct http_field *a,
                         const struct http_field *b)
{
    return a->name.len == b->name.len &&
           strncasecmp(head->text + a->name.at, head->text + b->name.at, a->name.len) == 0;
}

static bool is_repeated(const struct http_head *head, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (is_same_name(head, &head->fields[i], &head->fields[index]))
            return true;
    }
    return false;
}

static void put_field_name(struct sink *sink, const char *name, size_t len)
{
    put_text(sink, "HTTP_");
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        else if (c == '-')
            c = '_';
        put(sink, &c, 1);
    }
}

/* RFC 3875 4.1.18: several fields of a name are one parameter. Cookies have a separator of their
 * own (RFC 9113 8.2.3). */
static void put_field_value(struct sink *sink, const struct http_head *head, uint32_t index)
{
    const struct http_field *first = &head->fields[index];
    bool is_cookie =
        first->name.len == 6 && strncasecmp(head->text + first->name.at, "cookie", 6) == 0;

    for (uint32_t i = index; i < head->fields_count; i++) {
        const struct http_field *field = &head->fields[i];
        if (!is_same_name(head, first, field))
            continue;
        if (i > index)
            put_text(sink, is_cookie ? "; " : ", ");
        put(sink, head->text + field->value.at, field->value.len);
    }
}

/* --- one after the other --- */

static void put_name(struct sink *sink, const struct cgi_request *request)
{
    const struct http_head *head = request->head;

    if (request->next < ARRAY_LEN(params)) {
        put_text(sink, params[request->next].name);
        return;
    }
    const struct http_field *field = &head->fields[request->next - ARRAY_LEN(params)];
    put_field_name(sink, head->text + field->name.at, field->name.len);
}

static void put_value(struct sink *sink, const struct cgi_request *request)
{
    if (request->next < ARRAY_LEN(params))
        params[request->next].put(sink, request);
    else
        put_field_value(sink, request->head, request->next - (uint32_t)ARRAY_LEN(params));
}

static bool is_skipped(const struct cgi_request *request, size_t value_len)
{
    const struct http_head *head = request->head;

    if (request->next < ARRAY_LEN(params))
        return value_len == 0 && params[request->next].is_optional;
    uint32_t index = request->next - (uint32_t)ARRAY_LEN(params);
    const struct http_field *field = &head->fields[index];
    return !is_field_passed(head->text + field->name.at, field->name.len) ||
           is_repeated(head, index);
}

bool cgi_request_put(struct cgi_request *request, struct fcgi_out *out)
{
    uint32_t count = (uint32_t)ARRAY_LEN(params) + request->head->fields_count;

    for (; request->next < count; request->next++) {
        struct sink name = {NULL, 0};
        struct sink value = {NULL, 0};
        put_name(&name, request);
        put_value(&value, request);
        if (is_skipped(request, value.len))
            continue;
        if (8 + name.len + value.len > out->size - out->len)
            return false;
        fcgi_put_lens(out, name.len, value.len);
        name.out = out;
        value.out = out;
        put_name(&name, request);
        put_value(&value, request);
    }
    return true;
}
