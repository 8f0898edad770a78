/*
 * core/base/list.h - intrusive circular doubly linked lists.
 *
 * The head and the links are of one type. A link that is in no list points to itself, so that "is
 * it listed?" is a question about the link alone. Nothing allocates, nothing fails.
 *
 * Threads: one at a time; the list's owner says which lock or worker guards it.
 */
#ifndef CORE_BASE_LIST_H
#define CORE_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"

struct list {
    struct list *next;
    struct list *prev;
};

#define LIST_INIT(name) {&(name), &(name)}
#define LIST_ENTRY(link, type, member) CONTAINER_OF(link, type, member)

/* Walks the links; the body may unlink `link_`, and nothing else, when `next_` is kept apart. */
#define LIST_EACH(link_, head)                                                                     \
    for ((link_) = (head)->next; (link_) != (head); (link_) = (link_)->next)
#define LIST_EACH_SAFE(link_, next_, head)                                                         \
    for ((link_) = (head)->next, (next_) = (link_)->next; (link_) != (head);                       \
         (link_) = (next_), (next_) = (link_)->next)

static inline void list_init(struct list *list)
{
    list->next = list;
    list->prev = list;
}

/* For a head: nothing is in it. For a link: it is in no list. */
static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

static inline bool list_is_linked(const struct list *link)
{
    return link->next != link;
}

/* `link` must be in no list. */
static inline void list_insert_after(struct list *where, struct list *link)
{
    link->next = where->next;
    link->prev = where;
    where->next->prev = link;
    where->next = link;
}

static inline void list_push_head(struct list *head, struct list *link)
{
    list_insert_after(head, link);
}

static inline void list_push_tail(struct list *head, struct list *link)
{
    list_insert_after(head->prev, link);
}

/* Leaves `link` in no list; does nothing when it was in none. */
static inline void list_unlink(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* Takes the first link out; NULL when the list is empty. */
static inline struct list *list_pop_head(struct list *head)
{
    struct list *link = head->next;

    if (link == head)
        return NULL;
    list_unlink(link);
    return link;
}

/* Moves all of `from` in front of what `to` holds, in order; `from` is left empty. */
static inline void list_splice_head(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->prev->next = to->next;
    to->next->prev = from->prev;
    to->next = from->next;
    from->next->prev = to;
    list_init(from);
}

/* Moves all of `from` behind what `to` holds, in order; `from` is left empty. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
    list_splice_head(to->prev, from);
}

/* Aborts unless the links of the list agree with each other. Costs a walk. */
void list_check(const struct list *head);

#endif
