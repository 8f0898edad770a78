/*
 * sim/memory/line.c - calls of the C library that allocate for their caller, or grow what the
 * caller allocated: the memory is the run's heap's, like any that the program frees.
 *
 * What other calls allocate (open_memstream, scandir...) is the library's own, and free() passes it
 * on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "sim/memory/alloc.h"
#include "sim/posix/wrap_threads.h"

#define FRAME __builtin_frame_address(0)

ssize_t __real_getdelim(char **line, size_t *size_bytes, int delimiter, FILE *stream);
ssize_t __real_getline(char **line, size_t *size_bytes, FILE *stream);
ssize_t __wrap_getdelim(char **line, size_t *size_bytes, int delimiter, FILE *stream);
ssize_t __wrap___getdelim(char **line, size_t *size_bytes, int delimiter, FILE *stream);
ssize_t __wrap_getline(char **line, size_t *size_bytes, FILE *stream);

/* Reads into a line of the library's, and copies. */
static ssize_t read_line(char **line, size_t *size_bytes, int delimiter, FILE *stream,
                         const void *pc, const void *frame)
{
    char *found = NULL;
    size_t found_bytes = 0;

    if (line == NULL || size_bytes == NULL) {
        errno = EINVAL;
        return -1;
    }
    ssize_t len = __real_getdelim(&found, &found_bytes, delimiter, stream);
    if (len >= 0 && (*line == NULL || *size_bytes < (size_t)len + 1)) {
        char *grown = alloc_change(*line, (size_t)len + 1, pc, frame);
        if (grown == NULL) {
            len = -1;
        } else {
            *line = grown;
            *size_bytes = (size_t)len + 1;
        }
    }
    if (len >= 0)
        memcpy(*line, found, (size_t)len + 1);
    int saved = errno;
    __real_free(found);
    errno = saved;
    return len;
}

ssize_t __wrap_getdelim(char **line, size_t *size_bytes, int delimiter, FILE *stream)
{
    return alloc_is_ours() ? read_line(line, size_bytes, delimiter, stream, WRAP_PC, FRAME)
                           : __real_getdelim(line, size_bytes, delimiter, stream);
}

ssize_t __wrap___getdelim(char **line, size_t *size_bytes, int delimiter, FILE *stream)
{
    return alloc_is_ours() ? read_line(line, size_bytes, delimiter, stream, WRAP_PC, FRAME)
                           : __real_getdelim(line, size_bytes, delimiter, stream);
}

ssize_t __wrap_getline(char **line, size_t *size_bytes, FILE *stream)
{
    return alloc_is_ours() ? read_line(line, size_bytes, '\n', stream, WRAP_PC, FRAME)
                           : __real_getline(line, size_bytes, stream);
}
