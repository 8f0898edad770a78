#include "core/base/list.h"

void list_check(const struct list *head)
{
    const struct list *link = head;

    do {
        BUG_ON(link->next->prev != link);
        BUG_ON(link->prev->next != link);
        link = link->next;
    } while (link != head);
}
