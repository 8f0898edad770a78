/*
 * sim/kernel/path.c - how paths lead to files: see inode.h.
 *
 * Follows path_resolution(7).
 */
#include <errno.h>
#include <string.h>

#include "sim/kernel/inode.h"
#include "sim/kernel/kernel.h"

enum { SYMLINKS_MAX = 40 };

struct walk {
    struct inode *at;
    char rest[PATH_MAX]; /* what is still to be walked */
    const char *next;
    uint32_t symlinks;
};

/* Puts a link's target before what is left of the path. */
static int insert_target(struct walk *walk, const char *target)
{
    const size_t target_len = strlen(target);
    const size_t rest_bytes = strlen(walk->next) + 1;

    if (++walk->symlinks > SYMLINKS_MAX)
        return -ELOOP;
    if (target_len == 0)
        return -ENOENT;
    if (target_len + rest_bytes > sizeof(walk->rest))
        return -ENAMETOOLONG;
    /* What is left is empty, or begins with a slash. */
    memmove(walk->rest + target_len, walk->next, rest_bytes);
    for (size_t i = 0; i < target_len; i++)
        walk->rest[i] = target[i];
    walk->next = walk->rest;
    if (target[0] == '/')
        walk->at = inode_root();
    return 0;
}

/* The next name of the path into `end`: 1, 0 when there is none left, or -errno. */
static int next_name(struct walk *walk, struct path_end *end)
{
    const char *start = walk->next + strspn(walk->next, "/");
    const size_t len = strcspn(start, "/");

    if (len == 0)
        return 0;
    if (len > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(end->name, start, len);
    end->name[len] = '\0';
    end->has_slash = start[len] == '/';
    walk->next = start + len;
    return 1;
}

static bool is_last(const struct walk *walk)
{
    return walk->next[strspn(walk->next, "/")] == '\0';
}

/* Steps into `end->name`. 0, or -errno. */
static int step(struct walk *walk, enum path_last last, struct path_end *end)
{
    struct inode *folder = walk->at;

    if (!S_ISDIR(folder->mode))
        return -ENOTDIR;
    end->folder = folder;
    end->is_dots = strcmp(end->name, ".") == 0 || strcmp(end->name, "..") == 0;
    if (end->is_dots) {
        if (end->name[1] == '.')
            walk->at = folder->parent == NULL ? folder : folder->parent;
        end->inode = walk->at;
        return 0;
    }
    end->inode = inode_lookup(folder, end->name);
    if (end->inode == NULL)
        return is_last(walk) ? 0 : -ENOENT;
    if (S_ISLNK(end->inode->mode) &&
        (!is_last(walk) || last == PATH_FOLLOWS || last == PATH_MAKES ||
         (last == PATH_KEEPS && end->has_slash))) {
        const int result = insert_target(walk, end->inode->target);
        end->folder = NULL; /* the root, when nothing follows */
        end->inode = walk->at;
        return result;
    }
    walk->at = end->inode;
    return 0;
}

int path_walk(struct inode *start, const char *path, enum path_last last, struct path_end *end)
{
    struct walk walk = {.symlinks = 0};
    const size_t len = strlen(path);
    int result;

    *end = (struct path_end){0};
    if (len == 0)
        return -ENOENT;
    if (len >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(walk.rest, path, len + 1);
    walk.next = walk.rest;
    walk.at = path[0] == '/' ? inode_root() : start;
    end->inode = walk.at;
    while ((result = next_name(&walk, end)) > 0) {
        result = step(&walk, last, end);
        if (result != 0)
            return result;
    }
    if (result == 0 && last <= PATH_FOLLOWS && end->has_slash && end->inode != NULL &&
        !S_ISDIR(end->inode->mode))
        return -ENOTDIR;
    return result;
}

int path_find(struct inode *start, const char *path, bool follows, struct inode **inode)
{
    struct path_end end;
    const int result = path_walk(start, path, follows ? PATH_FOLLOWS : PATH_KEEPS, &end);

    if (result != 0)
        return result;
    *inode = end.inode;
    return end.inode == NULL ? -ENOENT : 0;
}
