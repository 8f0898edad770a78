/*
 * sim/kernel/tree.c - what is done to the tree by path: see regular.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sim/kernel/kernel.h"
#include "sim/kernel/regular.h"

int64_t path_stat(struct inode *start, const char *path, bool follows, struct stat *out)
{
    struct inode *inode;
    const int result = path_find(start, path, follows, &inode);

    if (result == 0)
        inode_stat(inode, out);
    return result;
}

int64_t path_access(struct inode *start, const char *path, bool follows)
{
    struct inode *inode;

    return path_find(start, path, follows, &inode);
}

int64_t path_mkdir(struct process *process, struct inode *start, const char *path, uint32_t mode)
{
    struct path_end end;
    const int result = path_walk(start, path, PATH_NAMES, &end);

    if (result != 0)
        return result;
    if (end.inode != NULL)
        return -EEXIST;
    inode_link(end.folder, end.name, inode_new(S_IFDIR | (mode & 01777 & ~process->umask)));
    return 0;
}

static int64_t check_remove(const struct path_end *end, bool is_folder)
{
    if (end->inode == NULL)
        return -ENOENT;
    if (!is_folder && S_ISDIR(end->inode->mode))
        return -EISDIR;
    if (!is_folder)
        return end->has_slash ? -ENOTDIR : 0;
    if (!S_ISDIR(end->inode->mode))
        return -ENOTDIR;
    return inode_is_empty(end->inode) ? 0 : -ENOTEMPTY;
}

int64_t path_unlink(struct inode *start, const char *path, bool is_folder)
{
    struct path_end end;
    int64_t result = path_walk(start, path, PATH_NAMES, &end);

    if (result != 0)
        return result;
    if (end.folder == NULL)
        return is_folder ? -EBUSY : -EISDIR;
    if (end.is_dots && is_folder)
        return strcmp(end.name, ".") == 0 ? -EINVAL : -ENOTEMPTY;
    result = check_remove(&end, is_folder);
    if (result == 0)
        inode_unlink(end.folder, end.name);
    return result;
}

static bool is_within(const struct inode *folder, const struct inode *of)
{
    for (; folder != kernel->root && folder != NULL; folder = folder->parent)
        if (folder == of)
            return true;
    return folder == of;
}

static int64_t check_replace(const struct path_end *from, const struct path_end *to, unsigned flags)
{
    const bool is_folder = S_ISDIR(from->inode->mode);

    if (to->inode != NULL && (flags & RENAME_NOREPLACE) != 0)
        return -EEXIST;
    if (!is_folder && (from->has_slash || to->has_slash))
        return -ENOTDIR;
    if (is_folder && is_within(to->folder, from->inode))
        return -EINVAL;
    if (to->inode == NULL || to->inode == from->inode)
        return 0;
    if (S_ISDIR(to->inode->mode) && is_within(from->folder, to->inode))
        return -ENOTEMPTY;
    if (is_folder && !S_ISDIR(to->inode->mode))
        return -ENOTDIR;
    if (!is_folder && S_ISDIR(to->inode->mode))
        return -EISDIR;
    if (is_folder && !inode_is_empty(to->inode))
        return -ENOTEMPTY;
    return 0;
}

int64_t path_rename(struct inode *from_start, const char *from, struct inode *to_start,
                    const char *to, unsigned flags)
{
    struct path_end source;
    struct path_end target;
    int64_t result;

    if ((flags & ~(unsigned)RENAME_NOREPLACE) != 0)
        return -EINVAL;
    result = path_walk(from_start, from, PATH_NAMES, &source);
    if (result == 0)
        result = path_walk(to_start, to, PATH_NAMES, &target);
    if (result != 0)
        return result;
    if (source.folder == NULL || target.folder == NULL || source.is_dots || target.is_dots)
        return -EBUSY;
    if (source.inode == NULL)
        return -ENOENT;
    result = check_replace(&source, &target, flags);
    if (result != 0 || source.inode == target.inode)
        return result;
    if (target.inode != NULL)
        inode_unlink(target.folder, target.name);
    inode_get(source.inode); /* it is without a name for a moment */
    inode_unlink(source.folder, source.name);
    inode_link(target.folder, target.name, source.inode);
    inode_put(source.inode);
    return 0;
}

int64_t path_link(struct inode *from_start, const char *from, struct inode *to_start,
                  const char *to, bool follows)
{
    struct inode *inode;
    struct path_end end;
    int result = path_find(from_start, from, follows, &inode);

    if (result == 0)
        result = path_walk(to_start, to, PATH_NAMES, &end);
    if (result != 0)
        return result;
    if (end.inode != NULL)
        return -EEXIST;
    if (end.has_slash)
        return -ENOENT;
    if (S_ISDIR(inode->mode))
        return -EPERM;
    if (inode->links >= INODE_LINKS_MAX)
        return -EMLINK;
    inode_link(end.folder, end.name, inode);
    return 0;
}

int64_t path_symlink(const char *target, struct inode *start, const char *path)
{
    struct path_end end;
    struct inode *link;
    int result;

    if (target[0] == '\0')
        return -ENOENT;
    result = path_walk(start, path, PATH_NAMES, &end);
    if (result != 0)
        return result;
    if (end.inode != NULL)
        return -EEXIST;
    if (end.has_slash)
        return -ENOENT;
    link = inode_new(S_IFLNK | 0777);
    link->target = arena_strdup(sched_arena(), target);
    link->size_bytes = (int64_t)strlen(target);
    inode_link(end.folder, end.name, link);
    return 0;
}

int64_t path_readlink(struct inode *start, const char *path, char *out, size_t out_bytes)
{
    struct inode *inode;
    const int result = path_find(start, path, false, &inode);
    size_t len;

    if (result != 0)
        return result;
    if (!S_ISLNK(inode->mode) || out_bytes == 0)
        return -EINVAL;
    len = strlen(inode->target);
    if (len > out_bytes)
        len = out_bytes;
    memcpy(out, inode->target, len);
    return (int64_t)len;
}

int64_t path_truncate(struct inode *start, const char *path, int64_t size_bytes)
{
    struct inode *inode;
    int result;

    if (size_bytes < 0)
        return -EINVAL;
    result = path_find(start, path, true, &inode);
    if (result != 0)
        return result;
    if (S_ISDIR(inode->mode))
        return -EISDIR;
    return inode_truncate(inode, size_bytes);
}
