/*
 * sim/posix/files.h - what the wrapped calls about files and paths share.
 *
 * Threads: none; on a virtual thread.
 */
#ifndef SIM_POSIX_FILES_H
#define SIM_POSIX_FILES_H

#include <stdint.h>

#include "sim/kernel/regular.h"
#include "sim/posix/io.h"

/* The point of a call that takes a path relative to the folder open as `folder_fd` (or AT_FDCWD).
 * 0, or -errno with which io_end() is to be called. */
int64_t files_begin(struct io_call *call, enum kernel_call name, int folder_fd, const char *path,
                    const void *pc, struct inode **start);
/* Where such a path begins. 0 or -errno. */
int64_t files_start(struct process *process, int folder_fd, const char *path, struct inode **start);

/* The point of a call about the open file `fd`; *inode is what it has open. */
int64_t files_begin_fd(struct io_call *call, enum kernel_call name, int fd, const void *pc,
                       struct inode **inode);

/* open() of a simulated path without a point. A descriptor or -errno. */
int64_t files_open(struct io_call *call, struct inode *start, const char *path, int flags,
                   uint32_t mode);

/* fcntl()'s commands about locks. The call's file is a file or folder. */
bool files_is_lock_command(int command);
int64_t files_lock(struct io_call *call, int command, void *argument);

/* What statfs() and statvfs() say of any file. */
struct statfs;
struct statvfs;
void files_describe_statfs(struct statfs *out);
void files_describe_statvfs(struct statvfs *out);

/* Sets what futimens() sets. */
int64_t files_set_times(struct inode *inode, const struct timespec *times);

#endif
