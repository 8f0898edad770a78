/*
 * sim/vthread/disturb.c - see disturb.h.
 */
#include "sim/vthread/disturb.h"

#include "sim/vthread/identity.h"

enum { STACK_OFFSET_BYTES = 4112 };

unsigned disturb_bits;

void *disturb_stack(const struct identity *identity)
{
    char *top = identity->stack_top;

    return (disturb_bits & DISTURB_STACK_PLACE) != 0 ? top - STACK_OFFSET_BYTES : top;
}

/* Right below the caller's frame, by instructions that need no stack themselves. */
__attribute__((naked)) static void fill_below(size_t size_bytes __attribute__((unused)),
                                              int byte __attribute__((unused)))
{
    __asm__("movl %esi, %eax\n"
            "movq %rdi, %rcx\n"
            "movq %rsp, %rdi\n"
            "subq %rcx, %rdi\n"
            "rep stosb\n"
            "retq\n");
}

void disturb_below(size_t size_bytes)
{
    if ((disturb_bits & (DISTURB_STACK_BYTES | DISTURB_STACK_ZEROS)) != 0)
        fill_below(size_bytes, (disturb_bits & DISTURB_STACK_BYTES) != 0 ? 0xff : 0);
}

const char *disturb_words(enum disturbance bit)
{
    switch (bit) {
    case DISTURB_HEAP_BYTES:
        return "what fresh heap memory holds";
    case DISTURB_HEAP_PLACE:
        return "where heap blocks lie";
    case DISTURB_STACK_BYTES:
    case DISTURB_STACK_ZEROS:
        return "what a fresh stack holds";
    case DISTURB_STACK_PLACE:
        return "where its stacks lie";
    case DISTURB_NOTHING:
    case DISTURB_ALL:
        break;
    }
    return "several things at once";
}
