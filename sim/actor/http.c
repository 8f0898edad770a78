/*
 * sim/actor/http.c - see http.h. Section numbers are of RFC 9112.
 */
#include "sim/actor/http.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/actor/body.h"

static void fail(struct http_reader *reader, const char *error)
{
    reader->state = HTTP_ERROR;
    reader->error = error;
}

void http_reader_begin(struct http_reader *reader, bool is_response, const char *method)
{
    /* The line buffer is large and needs no clearing. */
    memset(reader, 0, offsetof(struct http_reader, line));
    reader->line_bytes = 0;
    reader->is_response = is_response;
    reader->is_head_request = method != NULL && strcmp(method, "HEAD") == 0;
}

bool http_is_interim(const struct http_reader *reader)
{
    return reader->is_response && reader->status >= 100 && reader->status < 200;
}

/* Section 3: method SP request-target SP HTTP-version. */
static void parse_request_line(struct http_reader *reader)
{
    char *target = strchr(reader->line, ' ');
    char *version = target == NULL ? NULL : strchr(target + 1, ' ');

    if (version == NULL || target == reader->line || version == target + 1) {
        fail(reader, "bad request line");
        return;
    }
    *target++ = '\0';
    *version++ = '\0';
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0) {
        fail(reader, "bad version");
        return;
    }
    reader->is_close = strcmp(version, "HTTP/1.0") == 0;
    strncpy(reader->method, reader->line, sizeof(reader->method) - 1);
    strncpy(reader->target, target, sizeof(reader->target) - 1);
    reader->state = HTTP_FIELDS;
}

/* Section 4: HTTP-version SP 3DIGIT SP [reason]. */
static void parse_status_line(struct http_reader *reader)
{
    const char *line = reader->line;

    if (strncmp(line, "HTTP/1.", 7) != 0 || (line[7] != '1' && line[7] != '0') || line[8] != ' ' ||
        !isdigit((unsigned char)line[9]) || !isdigit((unsigned char)line[10]) ||
        !isdigit((unsigned char)line[11]) || line[12] != ' ') {
        fail(reader, "bad status line");
        return;
    }
    reader->is_close = line[7] == '0';
    reader->status = (uint32_t)atoi(line + 9);
    reader->state = HTTP_FIELDS;
}

static void take_body_key(struct http_reader *reader, const char *value)
{
    char *end;
    unsigned long key = strtoul(value, &end, 16);

    if (*end != '-') {
        fail(reader, "bad x-body");
        return;
    }
    reader->has_body_key = true;
    reader->body_key = (uint32_t)key;
    reader->body_bytes_expected = strtoull(end + 1, NULL, 10);
}

/* RFC 9112 6.1: a coding that nobody here uses would leave the end of the body unknown. */
static void take_coding(struct http_reader *reader, const char *value)
{
    if (strcasecmp(value, "chunked") != 0)
        fail(reader, "a transfer coding other than chunked");
    else if (reader->is_chunked)
        fail(reader, "chunked twice");
    reader->is_chunked = true;
}

static void take_length(struct http_reader *reader, const char *value)
{
    char *end;
    unsigned long long length = strtoull(value, &end, 10);

    if (!isdigit((unsigned char)value[0]) || *end != '\0' || reader->has_length) {
        fail(reader, "bad or second content-length");
        return;
    }
    reader->has_length = true;
    reader->length_bytes = length;
}

static void take_field(struct http_reader *reader)
{
    char *colon = strchr(reader->line, ':');

    if (colon == NULL || colon == reader->line || isspace((unsigned char)colon[-1])) {
        fail(reader, "bad field line");
        return;
    }
    *colon++ = '\0';
    while (*colon == ' ' || *colon == '\t')
        colon++;
    if (strcasecmp(reader->line, "content-length") == 0)
        take_length(reader, colon);
    else if (strcasecmp(reader->line, "transfer-encoding") == 0)
        take_coding(reader, colon);
    else if (strcasecmp(reader->line, "connection") == 0)
        reader->is_close = strcasecmp(colon, "close") == 0 ||
                           (reader->is_close && strcasecmp(colon, "keep-alive") != 0);
    else if (strcasecmp(reader->line, "expect") == 0)
        reader->has_expect_continue = strcasecmp(colon, "100-continue") == 0;
    else if (strcasecmp(reader->line, "x-body") == 0)
        take_body_key(reader, colon);
}

/* Section 6.3: how long the body is. */
static void begin_body(struct http_reader *reader)
{
    reader->has_head = true;
    if (reader->is_chunked && reader->has_length) {
        fail(reader, "both content-length and chunked");
        return;
    }
    bool has_none = reader->is_head_request || http_is_interim(reader) || reader->status == 204 ||
                    reader->status == 304;
    if (reader->is_response && has_none) {
        reader->state = HTTP_COMPLETE;
    } else if (reader->is_chunked) {
        reader->state = HTTP_BODY_CHUNK_SIZE;
    } else if (reader->has_length) {
        reader->left_bytes = reader->length_bytes;
        reader->state = reader->left_bytes == 0 ? HTTP_COMPLETE : HTTP_BODY_LENGTH;
    } else if (reader->is_response) {
        reader->is_close = true;
        reader->state = HTTP_BODY_TO_END;
    } else {
        reader->state = HTTP_COMPLETE;
    }
}

/* Section 7.1: chunk-size in hexadecimal, extensions ignored. */
static void begin_chunk(struct http_reader *reader)
{
    char *end;

    if (!isxdigit((unsigned char)reader->line[0])) {
        fail(reader, "bad chunk size");
        return;
    }
    reader->left_bytes = strtoull(reader->line, &end, 16);
    if (*end != '\0' && *end != ';')
        fail(reader, "bad chunk size");
    else
        reader->state = reader->left_bytes == 0 ? HTTP_TRAILERS : HTTP_BODY_CHUNK;
}

static void take_line(struct http_reader *reader)
{
    bool is_empty = reader->line_bytes == 0;

    reader->line[reader->line_bytes] = '\0';
    reader->line_bytes = 0;
    if (reader->state == HTTP_START_LINE) {
        if (reader->is_response)
            parse_status_line(reader);
        else
            parse_request_line(reader);
    } else if (reader->state == HTTP_FIELDS) {
        if (is_empty)
            begin_body(reader);
        else
            take_field(reader);
    } else if (reader->state == HTTP_BODY_CHUNK_SIZE) {
        begin_chunk(reader);
    } else if (reader->state == HTTP_BODY_CHUNK_END) {
        if (is_empty)
            reader->state = HTTP_BODY_CHUNK_SIZE;
        else
            fail(reader, "chunk longer than its size");
    } else if (is_empty) { /* HTTP_TRAILERS */
        reader->state = HTTP_COMPLETE;
    }
}

/* Takes bytes up to the end of a line. */
static size_t take_line_bytes(struct http_reader *reader, const uint8_t *bytes, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++) {
        if (bytes[i] != '\n') {
            if (reader->line_bytes == HTTP_LINE_BYTES_MAX - 1) {
                fail(reader, "line too long");
                return i;
            }
            reader->line[reader->line_bytes++] = (char)bytes[i];
            continue;
        }
        if (reader->line_bytes == 0 || reader->line[reader->line_bytes - 1] != '\r') {
            fail(reader, "line without CR");
            return i;
        }
        reader->line_bytes--;
        take_line(reader);
        return i + 1;
    }
    return len_bytes;
}

static void check_body(struct http_reader *reader, const uint8_t *bytes, size_t len_bytes)
{
    if (reader->has_body_key && !reader->is_body_wrong) {
        size_t right = body_match(reader->body_key, reader->body_bytes, bytes, len_bytes);
        if (right < len_bytes) {
            reader->is_body_wrong = true;
            reader->body_wrong_at = reader->body_bytes + right;
        }
    }
    reader->body_bytes += len_bytes;
}

/* Takes bytes of the body as far as the length or chunk goes. */
static size_t take_body_bytes(struct http_reader *reader, const uint8_t *bytes, size_t len_bytes)
{
    size_t take = len_bytes;

    if (reader->state == HTTP_BODY_TO_END) {
        check_body(reader, bytes, take);
        return take;
    }
    if (take > reader->left_bytes)
        take = (size_t)reader->left_bytes;
    check_body(reader, bytes, take);
    reader->left_bytes -= take;
    if (reader->left_bytes == 0)
        reader->state = reader->state == HTTP_BODY_CHUNK ? HTTP_BODY_CHUNK_END : HTTP_COMPLETE;
    return take;
}

static void check_length_promised(struct http_reader *reader)
{
    if (reader->state == HTTP_COMPLETE && reader->has_body_key && !reader->is_body_wrong &&
        !reader->is_head_request && reader->body_bytes != reader->body_bytes_expected) {
        reader->is_body_wrong = true;
        reader->body_wrong_at = reader->body_bytes;
    }
}

size_t http_reader_take(struct http_reader *reader, const uint8_t *bytes, size_t len_bytes)
{
    size_t taken = 0;

    while (taken < len_bytes && reader->state != HTTP_COMPLETE && reader->state != HTTP_ERROR) {
        bool is_body = reader->state == HTTP_BODY_LENGTH || reader->state == HTTP_BODY_CHUNK ||
                       reader->state == HTTP_BODY_TO_END;
        taken += is_body ? take_body_bytes(reader, bytes + taken, len_bytes - taken)
                         : take_line_bytes(reader, bytes + taken, len_bytes - taken);
    }
    check_length_promised(reader);
    return taken;
}

void http_reader_end(struct http_reader *reader)
{
    if (reader->state == HTTP_BODY_TO_END) {
        reader->state = HTTP_COMPLETE;
        check_length_promised(reader);
    } else if (reader->state != HTTP_COMPLETE && reader->state != HTTP_ERROR) {
        fail(reader, "connection ended in the middle of a message");
    }
}
