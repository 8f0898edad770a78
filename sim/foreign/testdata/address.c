/*
 * address.c - a program that does something else wherever the system puts it.
 */
#include <sched.h>
#include <stdint.h>

int main(void)
{
    for (uintptr_t i = ((uintptr_t)&main >> 12) % 512; i > 0; i--)
        sched_yield();
    return 0;
}
