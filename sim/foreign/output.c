/*
 * sim/foreign/output.c - see output.h.
 *
 * libc's stdin, stdout and stderr are variables: while code of the program runs they are streams of
 * our own that write to memory. They take no locks by themselves, because a run that is cut short
 * in the middle of printf would leave them taken; and each is put back as it was made, whatever
 * state such a run left it in.
 */
#include "sim/foreign/output.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/kernel/device.h"
#include "sim/sched/sched.h"

enum { STREAMS = 3 };

/* What was printed: in shared memory, since a run may be made by a child of this process. */
struct printed {
    char text[OUTPUT_BYTES_MAX];
    size_t len_bytes;
    size_t dropped_bytes;
};

static struct {
    struct printed *printed;
    size_t boot_bytes; /* printed before main() */

    FILE *streams[STREAMS]; /* by descriptor */
    FILE fresh[STREAMS];    /* what each is at the start of a run */
    FILE *real[STREAMS];
    char buffers[STREAMS][BUFSIZ];
    bool is_ours; /* the three variables are `streams` */
} output;

void output_add(const void *bytes, size_t len_bytes)
{
    struct printed *printed = output.printed;
    const size_t room = OUTPUT_BYTES_MAX - printed->len_bytes;
    const size_t taken = len_bytes < room ? len_bytes : room;

    memcpy(printed->text + printed->len_bytes, bytes, taken);
    printed->len_bytes += taken;
    printed->dropped_bytes += len_bytes - taken;
}

static ssize_t write_stream(void *cookie, const char *bytes, size_t len_bytes)
{
    (void)cookie;
    output_add(bytes, len_bytes);
    return (ssize_t)len_bytes;
}

static ssize_t read_stream(void *cookie, char *bytes, size_t len_bytes)
{
    (void)cookie;
    if (len_bytes != 0)
        bytes[0] = '\0';
    return 0;
}

static void open_stream(int fd, const char *mode, int buffering)
{
    FILE *stream = fopencookie(NULL, mode,
                               (cookie_io_functions_t){.read = read_stream, .write = write_stream});

    if (stream == NULL || setvbuf(stream, output.buffers[fd], buffering, BUFSIZ) != 0)
        abort();
    (void)__fsetlocking(stream, FSETLOCKING_BYCALLER);
    stream->_fileno = fd; /* what fileno() says: nothing else asks */
    output.streams[fd] = stream;
}

static void take_over(void)
{
    if (output.is_ours)
        return;
    output.is_ours = true;
    output.real[STDIN_FILENO] = stdin;
    output.real[STDOUT_FILENO] = stdout;
    output.real[STDERR_FILENO] = stderr;
    stdin = output.streams[STDIN_FILENO];
    stdout = output.streams[STDOUT_FILENO];
    stderr = output.streams[STDERR_FILENO];
}

static void give_back(void)
{
    if (!output.is_ours)
        return;
    output.is_ours = false;
    stdin = output.real[STDIN_FILENO];
    stdout = output.real[STDOUT_FILENO];
    stderr = output.real[STDERR_FILENO];
}

void output_boot_begin(void)
{
    output.printed = mmap(NULL, sizeof(*output.printed), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (output.printed == MAP_FAILED)
        abort();
    open_stream(STDIN_FILENO, "r", _IOFBF);
    open_stream(STDOUT_FILENO, "w", _IOLBF);
    open_stream(STDERR_FILENO, "w", _IONBF);
    take_over();
}

void output_boot_end(void)
{
    (void)fflush(output.streams[STDOUT_FILENO]);
    output.boot_bytes = output.printed->len_bytes;
    give_back();
    for (int fd = 0; fd < STREAMS; fd++)
        output.fresh[fd] = *output.streams[fd];
    device_output = output_add;
}

void output_begin(void)
{
    output.printed->len_bytes = output.boot_bytes;
    output.printed->dropped_bytes = 0;
    take_over();
}

void output_flush(void)
{
    FILE *stream = output.streams[STDOUT_FILENO];

    if (__fpending(stream) != 0)
        (void)fflush(stream);
}

void output_end(void)
{
    output_flush();
    give_back();
    for (int fd = 0; fd < STREAMS; fd++)
        *output.streams[fd] = output.fresh[fd];
}

bool output_is_stream(const FILE *stream)
{
    for (int fd = 0; fd < STREAMS; fd++)
        if (stream != NULL && stream == output.streams[fd])
            return true;
    return false;
}

const char *output_text(size_t *len_bytes, size_t *dropped_bytes)
{
    *len_bytes = output.printed->len_bytes;
    if (dropped_bytes != NULL)
        *dropped_bytes = output.printed->dropped_bytes;
    return output.printed->text;
}

const char *output_last_lines(size_t line_count, size_t len_bytes_max, size_t *len_bytes)
{
    const struct printed *printed = output.printed;
    size_t start = printed->len_bytes;

    while (start > 0 && printed->len_bytes - start < len_bytes_max) {
        const bool is_line = printed->text[start - 1] == '\n' && start != printed->len_bytes;
        if (is_line && line_count-- == 1)
            break;
        start--;
    }
    *len_bytes = printed->len_bytes - start;
    return printed->text + start;
}
