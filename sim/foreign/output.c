/*
 * sim/foreign/output.c - see output.h.
 *
 * libc's stdout and stderr are variables: during a run they are streams of our own that write to
 * memory. They take no locks, because a run that is cut short in the middle of printf leaves none
 * behind then.
 */
#include "sim/foreign/output.h"

#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

static struct {
    char text[OUTPUT_BYTES_MAX];
    size_t len_bytes;
    size_t dropped_bytes;
    FILE *out;
    FILE *err;
    FILE *real_out;
    FILE *real_err;
} output;

void output_add(const void *bytes, size_t len_bytes)
{
    size_t room = OUTPUT_BYTES_MAX - output.len_bytes;
    size_t taken = len_bytes < room ? len_bytes : room;

    memcpy(output.text + output.len_bytes, bytes, taken);
    output.len_bytes += taken;
    output.dropped_bytes += len_bytes - taken;
}

static ssize_t write_stream(void *cookie, const char *bytes, size_t len_bytes)
{
    (void)cookie;
    output_add(bytes, len_bytes);
    return (ssize_t)len_bytes;
}

static FILE *open_stream(int buffering)
{
    FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_stream});

    if (stream == NULL || setvbuf(stream, NULL, buffering, BUFSIZ) != 0)
        abort();
    (void)__fsetlocking(stream, FSETLOCKING_BYCALLER);
    return stream;
}

void output_begin(void)
{
    if (output.out == NULL) {
        output.out = open_stream(_IOLBF);
        output.err = open_stream(_IONBF);
    }
    output.len_bytes = 0;
    output.dropped_bytes = 0;
    output.real_out = stdout;
    output.real_err = stderr;
    stdout = output.out;
    stderr = output.err;
}

void output_end(void)
{
    (void)fflush(output.out);
    stdout = output.real_out;
    stderr = output.real_err;
}

const char *output_text(size_t *len_bytes, size_t *dropped_bytes)
{
    *len_bytes = output.len_bytes;
    if (dropped_bytes != NULL)
        *dropped_bytes = output.dropped_bytes;
    return output.text;
}
