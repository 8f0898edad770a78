/*
 * sim/kernel/regular.h - open files and folders of the simulated tree, and the calls that take a
 * path.
 *
 * Each function is what the system call of that name means, without a point and without waiting:
 * a count, 0, or -errno. `start` is where a relative path begins.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_REGULAR_H
#define SIM_KERNEL_REGULAR_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/inode.h"

/* What `file` has open; NULL when it is no file or folder of the tree. */
struct inode *regular_inode(const struct file *file);

/* -ENXIO for what is special and not simulated. *file has one reference. */
int64_t regular_open(struct process *process, struct inode *start, const char *path, int flags,
                     uint32_t mode, struct file **file);

int64_t regular_read_at(struct file *file, const struct io_vector *to, int64_t offset);
int64_t regular_write_at(struct file *file, const struct io_vector *from, int64_t offset);
int64_t regular_seek(struct file *file, int64_t offset, int whence);
int64_t regular_truncate(struct file *file, int64_t size_bytes);
int64_t regular_allocate(struct file *file, int mode, int64_t offset, int64_t len_bytes);

/* The next name of an open folder; NULL at the end, or -errno in *error. */
struct folder_entry {
    const char *name;
    uint64_t number;
    uint8_t type;   /* DT_ */
    int64_t offset; /* of the one behind it, for seekdir */
};
int64_t folder_read(struct file *file, struct folder_entry *out);
void folder_seek(struct file *file, int64_t offset);

int64_t path_stat(struct inode *start, const char *path, bool follows, struct stat *out);
int64_t path_access(struct inode *start, const char *path, bool follows);
int64_t path_mkdir(struct process *process, struct inode *start, const char *path, uint32_t mode);
int64_t path_unlink(struct inode *start, const char *path, bool is_folder);
int64_t path_rename(struct inode *from_start, const char *from, struct inode *to_start,
                    const char *to, unsigned flags);
int64_t path_link(struct inode *from_start, const char *from, struct inode *to_start,
                  const char *to, bool follows);
int64_t path_symlink(const char *target, struct inode *start, const char *path);
int64_t path_readlink(struct inode *start, const char *path, char *out, size_t out_bytes);
int64_t path_truncate(struct inode *start, const char *path, int64_t size_bytes);

/* A process closes a descriptor of `file`: its locks on the inode go. */
void regular_closed(struct process *process, struct file *file);

#endif
