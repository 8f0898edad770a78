/*
 * sim/foreign/image.c - see image.h.
 *
 * What is writable is read from the program headers, without the part that the loader made
 * read-only after relocation and without the simulator's own sections.
 */
#include "sim/foreign/image.h"

#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vthread/identity.h"

enum { SPANS_MAX = 64 };

/* Of the sections that //sim/runtime gave the simulator's variables; absent in the tool itself. */
extern char __start_heddle_data[] __attribute__((weak));
extern char __stop_heddle_data[] __attribute__((weak));
extern char __start_heddle_bss[] __attribute__((weak));
extern char __stop_heddle_bss[] __attribute__((weak));

struct span {
    char *start;
    size_t len_bytes;
    char *copy;
};

static struct {
    struct span spans[SPANS_MAX];
    size_t count;
    /* Thread-local storage of the program itself: how far below a thread's TLS base it lies. */
    size_t tls_offset;
    size_t tls_bytes;
    char *tls_main;  /* as the constructors left it to the main thread */
    char *tls_fresh; /* as a new thread finds it */
    bool is_main_next;
} image;

/* Adds [start, end) without [hole_start, hole_end), then without the next holes. */
static void add_span(char *start, char *end, size_t hole)
{
    char *const holes[][2] = {
        {__start_heddle_data, __stop_heddle_data},
        {__start_heddle_bss, __stop_heddle_bss},
    };

    if (start >= end)
        return;
    if (hole < sizeof(holes) / sizeof(holes[0])) {
        char *hole_start = holes[hole][0];
        char *hole_end = holes[hole][1];
        if (hole_start == NULL || hole_end <= start || hole_start >= end) {
            add_span(start, end, hole + 1);
            return;
        }
        add_span(start, hole_start, hole + 1);
        add_span(hole_end, end, hole + 1);
        return;
    }
    if (image.count == SPANS_MAX)
        abort();
    image.spans[image.count++] = (struct span){.start = start, .len_bytes = (size_t)(end - start)};
}

static void add_tls(const struct dl_phdr_info *info, const ElfW(Phdr) * header)
{
    if (info->dlpi_tls_data == NULL || header->p_memsz == 0)
        return;
    image.tls_offset = identity_own_tls_base() - (uintptr_t)info->dlpi_tls_data;
    image.tls_bytes = header->p_memsz;
    image.tls_main = malloc(header->p_memsz);
    image.tls_fresh = calloc(1, header->p_memsz);
    if (image.tls_main == NULL || image.tls_fresh == NULL)
        abort();
    memcpy(image.tls_main, info->dlpi_tls_data, header->p_memsz);
    memcpy(image.tls_fresh, (const char *)info->dlpi_addr + header->p_vaddr, header->p_filesz);
}

/* The first object is the program. */
static int add_program(struct dl_phdr_info *info, size_t size, void *context)
{
    char *relro_start = NULL;
    char *relro_end = NULL;

    (void)size, (void)context;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        char *start = (char *)info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_GNU_RELRO) {
            relro_start = start;
            relro_end = start + header->p_memsz;
        } else if (header->p_type == PT_TLS) {
            add_tls(info, header);
        }
    }
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        char *start = (char *)info->dlpi_addr + header->p_vaddr;
        char *end = start + header->p_memsz;
        if (header->p_type != PT_LOAD || (header->p_flags & PF_W) == 0)
            continue;
        if (relro_start <= start && relro_end > start)
            start = relro_end;
        add_span(start, end, 0);
    }
    return 1;
}

/* A run borrows `identity`: the first one of a run is for main(). */
static void reset_tls(struct identity *identity)
{
    const char *from = image.is_main_next ? image.tls_main : image.tls_fresh;

    image.is_main_next = false;
    memcpy((char *)identity->tls_base - image.tls_offset, from, image.tls_bytes);
}

void image_keep(void)
{
    (void)dl_iterate_phdr(add_program, NULL);
    for (size_t i = 0; i < image.count; i++) {
        struct span *span = &image.spans[i];
        span->copy = malloc(span->len_bytes);
        if (span->copy == NULL)
            abort();
        memcpy(span->copy, span->start, span->len_bytes);
    }
    if (image.tls_bytes != 0)
        identity_taken = reset_tls;
}

void image_restore(void)
{
    for (size_t i = 0; i < image.count; i++)
        memcpy(image.spans[i].start, image.spans[i].copy, image.spans[i].len_bytes);
    image.is_main_next = true;
}

size_t image_bytes(void)
{
    size_t total = image.tls_bytes;

    for (size_t i = 0; i < image.count; i++)
        total += image.spans[i].len_bytes;
    return total;
}
