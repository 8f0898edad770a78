/*
 * library_user.c - uses library.c.
 */
#include <stdio.h>

int library_next(void);

int main(void)
{
    printf("number %d\n", library_next());
    return 0;
}
