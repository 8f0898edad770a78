/*
 * library.c - a shared library of the user's, with every kind of state.
 */
#include <stdlib.h>

int library_next(void);

static int count;
static _Thread_local int own = 7;
static char *early;

__attribute__((constructor)) static void construct(void)
{
    early = malloc(50);
    early[0] = 'f';
}

int library_next(void)
{
    if (own++ != 7 || early[0]++ != 'f')
        abort();
    return count++;
}
