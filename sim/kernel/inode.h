/*
 * sim/kernel/inode.h - simulated files and folders, and how paths lead to them.
 *
 * Every run begins with the machine's own tree as it is: what is not in the model yet is looked up
 * there, read when it is opened, and never changed there. What code under test writes, makes,
 * renames and removes happens in the model only and goes with the run. Numbers are given in order,
 * times are the simulated clock's, folders are listed by name.
 *
 * One user owns everything; permissions are kept and shown, and forbid nothing.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_INODE_H
#define SIM_KERNEL_INODE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "sim/kernel/file.h"
#include "sim/kernel/process.h"

struct record_lock;

enum {
    INODE_NAME_BYTES = NAME_MAX + 1,
    INODE_LINKS_MAX = 65000,
    INODE_USER = 1000, /* whom everything belongs to, and who runs */
};

struct entry {
    char *name;
    struct inode *inode; /* NULL: known not to be there, whatever the machine has */
};

struct inode {
    uint64_t number;
    uint32_t mode; /* type and permissions */
    uint32_t links;
    uint32_t refs; /* open files, mappings, working folders */
    int64_t access_ns, change_ns, modify_ns;
    int64_t size_bytes;
    uint64_t change_serial; /* kernel->change_serial when it last changed */

    const char *host_path; /* where the machine has it; NULL: nowhere */

    /* files */
    int extent; /* DISK_NONE: nothing written or read yet */

    /* folders */
    struct inode *parent;  /* the root's is itself; NULL once removed */
    struct entry *entries; /* by name */
    uint32_t entry_count;
    uint32_t entry_capacity;
    bool is_listed; /* all that the machine has is among them */

    /* symbolic links */
    const char *target;

    struct record_lock *locks; /* sim/kernel/lock.h */
    struct watch_list lock_watches;
};

/* The root folder of the run. */
struct inode *inode_root(void);
/* Where relative paths of `process` begin. */
struct inode *inode_folder_of(struct process *process);

/* Where a path leads. */
struct path_end {
    struct inode *folder; /* of the last name; NULL when the path is a root */
    char name[INODE_NAME_BYTES];
    struct inode *inode; /* NULL: there is no such name in `folder` */
    bool is_dots;        /* the last name is "." or ".." */
    bool has_slash;      /* behind the last name: it must be a folder */
};

/* What happens to a symbolic link as the last name. A slash behind it follows it in any case, and
 * then it must be a folder; but not when the name itself is what the call is about. PATH_MAKES
 * follows links, and what the slash means is the caller's to say. */
enum path_last { PATH_KEEPS, PATH_FOLLOWS, PATH_MAKES, PATH_NAMES };

/* 0 or -errno. `start` is where a relative path begins. */
int path_walk(struct inode *start, const char *path, enum path_last last, struct path_end *end);
/* The same, and it must exist. */
int path_find(struct inode *start, const char *path, bool follows, struct inode **inode);

/* A new one without a name. */
struct inode *inode_new(uint32_t mode);
/* Makes `name` in `folder` mean `inode`; counts the link. The name must be free. */
void inode_link(struct inode *folder, const char *name, struct inode *inode);
/* Takes the name away, and with the last one and the last reference the contents. */
void inode_unlink(struct inode *folder, const char *name);

struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode);

/* NULL when there is no such name. */
struct inode *inode_lookup(struct inode *folder, const char *name);
/* Brings in all that the machine has in a folder. 0 or -errno. */
int inode_list(struct inode *folder);
bool inode_is_empty(struct inode *folder);
/* Brings in what the machine has in a file, and gives it an extent. 0 or -errno. */
int inode_load(struct inode *inode);
int inode_truncate(struct inode *inode, int64_t size_bytes);

void inode_note_change(struct inode *inode, bool is_content);
int64_t inode_clock_ns(void);
void inode_stat(const struct inode *inode, struct stat *out);

/* "/a/b" of a folder; false when it was removed or there is no room. */
bool inode_path(const struct inode *folder, char *out, size_t out_bytes);

#endif
