/*
 * survivor.c - state that lies out of reach of a restart: libc's one hash table.
 */
#include <sched.h>
#include <search.h>

int main(void)
{
    if (hcreate(8) == 0)
        sched_yield(); /* somebody was here before */
    return 0;
}
