/*
 * sim/posix/temporary_calls.c - new files: under names that nobody has, and by creat().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernel/device.h"
#include "sim/posix/files.h"
#include "sim/posix/wrap_files.h"

enum { TEMPORARY_TRIES = 100, TEMPORARY_LETTERS = 6 };

/* Fills in the Xs at the end; NULL when there are none. */
static char *temporary_letters(char *pattern)
{
    const size_t len = strlen(pattern);
    char *letters = pattern + len - TEMPORARY_LETTERS;

    return len < TEMPORARY_LETTERS || strcmp(letters, "XXXXXX") != 0 ? NULL : letters;
}

static void draw_letters(char *letters)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz012345";
    unsigned char drawn[TEMPORARY_LETTERS];
    const struct iovec part = {.iov_base = drawn, .iov_len = sizeof(drawn)};
    struct io_vector to;

    (void)io_vector_init(&to, &part, 1);
    device_random_bytes(&to, sizeof(drawn));
    for (int i = 0; i < TEMPORARY_LETTERS; i++)
        letters[i] = alphabet[drawn[i] % 32];
}

static int make_temporary(char *pattern, int flags, bool is_folder, const void *pc)
{
    char *letters = temporary_letters(pattern);
    struct io_call call;
    struct inode *start = NULL;
    int64_t result =
        files_begin(&call, is_folder ? CALL_mkdir : CALL_open, AT_FDCWD, pattern, pc, &start);

    if (result == 0)
        result = letters == NULL ? -EINVAL : -EEXIST;
    for (int i = 0; i < TEMPORARY_TRIES && result == -EEXIST && letters != NULL && start != NULL;
         i++) {
        draw_letters(letters);
        result = is_folder
                     ? path_mkdir(call.process, start, pattern, 0700)
                     : files_open(&call, start, pattern, flags | O_RDWR | O_CREAT | O_EXCL, 0600);
    }
    return (int)io_end_progress(&call, result);
}

#define MAKE_TEMPORARY(name)                                                                       \
    int __wrap_##name(char *pattern)                                                               \
    {                                                                                              \
        return sched_is_simulated() ? make_temporary(pattern, 0, false, WRAP_PC)                   \
                                    : __real_##name(pattern);                                      \
    }
#define MAKE_TEMPORARY_AS(name)                                                                    \
    int __wrap_##name(char *pattern, int flags)                                                    \
    {                                                                                              \
        return sched_is_simulated() ? make_temporary(pattern, flags, false, WRAP_PC)               \
                                    : __real_##name(pattern, flags);                               \
    }

MAKE_TEMPORARY(mkstemp)
MAKE_TEMPORARY(mkstemp64)
MAKE_TEMPORARY_AS(mkostemp)
MAKE_TEMPORARY_AS(mkostemp64)

char *__wrap_mkdtemp(char *pattern)
{
    if (!sched_is_simulated())
        return __real_mkdtemp(pattern);
    return make_temporary(pattern, 0, true, WRAP_PC) == 0 ? pattern : NULL;
}

/* ---- an old name for open() ---- */

static int create(const char *path, mode_t mode, const void *pc)
{
    struct io_call call;
    struct inode *start = NULL;
    int64_t result = files_begin(&call, CALL_open, AT_FDCWD, path, pc, &start);

    if (result == 0)
        result = files_open(&call, start, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    return (int)io_end_progress(&call, result);
}

int __wrap_creat(const char *path, mode_t mode)
{
    return sched_is_simulated() ? create(path, mode, WRAP_PC) : __real_creat(path, mode);
}

int __wrap_creat64(const char *path, mode_t mode)
{
    return sched_is_simulated() ? create(path, mode, WRAP_PC) : __real_creat64(path, mode);
}
