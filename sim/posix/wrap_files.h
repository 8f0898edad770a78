/*
 * sim/posix/wrap_files.h - the wrapped calls about files, folders and mapped memory: as wrap_io.h.
 *
 * Threads: any.
 */
#ifndef SIM_POSIX_WRAP_FILES_H
#define SIM_POSIX_WRAP_FILES_H

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <utime.h>

/* Who called: directly inside a __wrap_ function only. */
#ifndef WRAP_PC
#define WRAP_PC __builtin_return_address(0)
#endif

#define WRAPPED(type, name, ...)                                                                   \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);

/* stat64 and struct stat64 are stat's on 64-bit systems, and so are the other *64 calls. */
_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "one struct serves both");
_Static_assert(sizeof(off_t) == 8, "one type serves both");

/* file_calls.c */
WRAPPED(off_t, lseek, int, off_t, int)
WRAPPED(off_t, lseek64, int, off_t, int)
WRAPPED(ssize_t, pread, int, void *, size_t, off_t)
WRAPPED(ssize_t, pread64, int, void *, size_t, off_t)
WRAPPED(ssize_t, __pread_chk, int, void *, size_t, off_t, size_t)
WRAPPED(ssize_t, __pread64_chk, int, void *, size_t, off_t, size_t)
WRAPPED(ssize_t, pwrite, int, const void *, size_t, off_t)
WRAPPED(ssize_t, pwrite64, int, const void *, size_t, off_t)
WRAPPED(ssize_t, preadv, int, const struct iovec *, int, off_t)
WRAPPED(ssize_t, preadv64, int, const struct iovec *, int, off_t)
WRAPPED(ssize_t, pwritev, int, const struct iovec *, int, off_t)
WRAPPED(ssize_t, pwritev64, int, const struct iovec *, int, off_t)
WRAPPED(int, ftruncate, int, off_t)
WRAPPED(int, ftruncate64, int, off_t)
WRAPPED(int, fstat, int, struct stat *)
WRAPPED(int, fstat64, int, struct stat *)
WRAPPED(int, fsync, int)
WRAPPED(int, fdatasync, int)
WRAPPED(int, syncfs, int)
WRAPPED(int, sync_file_range, int, off_t, off_t, unsigned)
WRAPPED(void, sync, void)
WRAPPED(int, fallocate, int, int, off_t, off_t)
WRAPPED(int, fallocate64, int, int, off_t, off_t)
WRAPPED(int, posix_fallocate, int, off_t, off_t)
WRAPPED(int, posix_fallocate64, int, off_t, off_t)
WRAPPED(int, posix_fadvise, int, off_t, off_t, int)
WRAPPED(int, posix_fadvise64, int, off_t, off_t, int)
WRAPPED(ssize_t, readahead, int, off_t, size_t)
WRAPPED(int, fchmod, int, mode_t)
WRAPPED(int, fchown, int, uid_t, gid_t)
WRAPPED(int, futimens, int, const struct timespec *)
WRAPPED(int, futimes, int, const struct timeval *)
WRAPPED(int, flock, int, int)
WRAPPED(int, lockf, int, int, off_t)
WRAPPED(int, lockf64, int, int, off_t)
WRAPPED(int, fstatfs, int, struct statfs *)
WRAPPED(int, fstatfs64, int, struct statfs *)
WRAPPED(int, fstatvfs, int, struct statvfs *)
WRAPPED(int, fstatvfs64, int, struct statvfs *)

/* path_calls.c */
WRAPPED(int, creat, const char *, mode_t)
WRAPPED(int, creat64, const char *, mode_t)
WRAPPED(int, stat, const char *, struct stat *)
WRAPPED(int, stat64, const char *, struct stat *)
WRAPPED(int, lstat, const char *, struct stat *)
WRAPPED(int, lstat64, const char *, struct stat *)
WRAPPED(int, fstatat, int, const char *, struct stat *, int)
WRAPPED(int, fstatat64, int, const char *, struct stat *, int)
WRAPPED(int, access, const char *, int)
WRAPPED(int, eaccess, const char *, int)
WRAPPED(int, euidaccess, const char *, int)
WRAPPED(int, faccessat, int, const char *, int, int)
WRAPPED(int, unlink, const char *)
WRAPPED(int, unlinkat, int, const char *, int)
WRAPPED(int, rmdir, const char *)
WRAPPED(int, remove, const char *)
WRAPPED(int, rename, const char *, const char *)
WRAPPED(int, renameat, int, const char *, int, const char *)
WRAPPED(int, renameat2, int, const char *, int, const char *, unsigned)
WRAPPED(int, mkdir, const char *, mode_t)
WRAPPED(int, mkdirat, int, const char *, mode_t)
WRAPPED(int, link, const char *, const char *)
WRAPPED(int, linkat, int, const char *, int, const char *, int)
WRAPPED(int, symlink, const char *, const char *)
WRAPPED(int, symlinkat, const char *, int, const char *)
WRAPPED(ssize_t, readlink, const char *, char *, size_t)
WRAPPED(ssize_t, readlinkat, int, const char *, char *, size_t)
WRAPPED(ssize_t, __readlink_chk, const char *, char *, size_t, size_t)
WRAPPED(char *, realpath, const char *, char *)
WRAPPED(char *, __realpath_chk, const char *, char *, size_t)
WRAPPED(char *, canonicalize_file_name, const char *)
WRAPPED(int, chdir, const char *)
WRAPPED(int, fchdir, int)
WRAPPED(char *, getcwd, char *, size_t)
WRAPPED(char *, __getcwd_chk, char *, size_t, size_t)
WRAPPED(char *, get_current_dir_name, void)
WRAPPED(mode_t, umask, mode_t)
WRAPPED(int, chmod, const char *, mode_t)
WRAPPED(int, fchmodat, int, const char *, mode_t, int)
WRAPPED(int, chown, const char *, uid_t, gid_t)
WRAPPED(int, lchown, const char *, uid_t, gid_t)
WRAPPED(int, fchownat, int, const char *, uid_t, gid_t, int)
WRAPPED(int, utime, const char *, const struct utimbuf *)
WRAPPED(int, utimes, const char *, const struct timeval *)
WRAPPED(int, lutimes, const char *, const struct timeval *)
WRAPPED(int, utimensat, int, const char *, const struct timespec *, int)
WRAPPED(int, truncate, const char *, off_t)
WRAPPED(int, truncate64, const char *, off_t)
WRAPPED(int, mkstemp, char *)
WRAPPED(int, mkstemp64, char *)
WRAPPED(int, mkostemp, char *, int)
WRAPPED(int, mkostemp64, char *, int)
WRAPPED(char *, mkdtemp, char *)
WRAPPED(int, statfs, const char *, struct statfs *)
WRAPPED(int, statfs64, const char *, struct statfs *)
WRAPPED(int, statvfs, const char *, struct statvfs *)
WRAPPED(int, statvfs64, const char *, struct statvfs *)

/* folder_calls.c */
WRAPPED(DIR *, opendir, const char *)
WRAPPED(DIR *, fdopendir, int)
WRAPPED(int, closedir, DIR *)
WRAPPED(struct dirent *, readdir, DIR *)
WRAPPED(struct dirent *, readdir64, DIR *)
WRAPPED(int, readdir_r, DIR *, struct dirent *, struct dirent **)
WRAPPED(int, readdir64_r, DIR *, struct dirent *, struct dirent **)
WRAPPED(void, rewinddir, DIR *)
WRAPPED(long, telldir, DIR *)
WRAPPED(void, seekdir, DIR *, long)
WRAPPED(int, dirfd, DIR *)

/* map_calls.c */
WRAPPED(void *, mmap, void *, size_t, int, int, int, off_t)
WRAPPED(void *, mmap64, void *, size_t, int, int, int, off_t)
WRAPPED(int, munmap, void *, size_t)
WRAPPED(void *, mremap, void *, size_t, size_t, int, ...)
WRAPPED(int, msync, void *, size_t, int)
WRAPPED(int, mprotect, void *, size_t, int)
WRAPPED(int, madvise, void *, size_t, int)

/* stream_calls.c */
WRAPPED(FILE *, fopen, const char *, const char *)
WRAPPED(FILE *, fopen64, const char *, const char *)
WRAPPED(FILE *, fdopen, int, const char *)
WRAPPED(FILE *, tmpfile, void)
WRAPPED(FILE *, tmpfile64, void)

#undef WRAPPED

#endif
