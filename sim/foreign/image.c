/*
 * sim/foreign/image.c - see image.h.
 *
 * What is writable is read from the program headers of every object that was compiled by the
 * wrapper, without the part that the loader made read-only after relocation and without the
 * simulator's own sections. Small ranges are written back whole; the pages of large ones are
 * watched (pages.h).
 */
#include "sim/foreign/image.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/foreign/pages.h"
#include "sim/memory/heap.h"
#include "sim/race/race.h"
#include "sim/vthread/identity.h"

/* Linked into the explore build only. */
#pragma weak race_fresh

enum { SPANS_MAX = 256, TLS_MAX = 32, WATCHED_BYTES_MIN = 64 << 10 };

/* Of the sections that //sim/runtime gave the simulator's variables; absent in the tool itself. */
extern char __start_heddle_data[] __attribute__((weak));
extern char __stop_heddle_data[] __attribute__((weak));
extern char __start_heddle_bss[] __attribute__((weak));
extern char __stop_heddle_bss[] __attribute__((weak));

struct span {
    char *start;
    size_t size_bytes;
    char *copy; /* NULL: its pages are watched */
};

/* Thread-local storage of one object. */
struct tls {
    size_t offset; /* how far below a thread's TLS base it lies */
    size_t size_bytes;
    char *main;  /* as the constructors left it to the main thread */
    char *fresh; /* as a new thread finds it */
};

static struct {
    struct span spans[SPANS_MAX];
    size_t count;
    struct tls tls[TLS_MAX];
    size_t tls_count;
    size_t errno_offset; /* below a thread's TLS base */
    size_t objects;
    bool is_main_next;
} image;

static void *take(size_t size_bytes)
{
    void *memory = calloc(1, size_bytes);

    if (memory == NULL)
        abort();
    return memory;
}

static void add_piece(char *start, char *end, bool is_watched)
{
    if (start >= end)
        return;
    if (image.count == SPANS_MAX || (is_watched && !pages_watch(start, (size_t)(end - start))))
        abort();
    struct span *span = &image.spans[image.count++];
    *span = (struct span){.start = start, .size_bytes = (size_t)(end - start)};
    if (is_watched)
        return;
    span->copy = take(span->size_bytes);
    memcpy(span->copy, start, span->size_bytes);
}

static void add_whole(char *start, char *end)
{
    const uintptr_t mask = PAGES_BYTES - 1;
    char *first = (char *)(((uintptr_t)start + mask) & ~mask);
    char *last = (char *)((uintptr_t)end & ~mask);

    if (end - start < WATCHED_BYTES_MIN || last <= first) {
        add_piece(start, end, false);
        return;
    }
    add_piece(start, first, false);
    add_piece(first, last, true);
    add_piece(last, end, false);
}

/* Adds [start, end) without [hole_start, hole_end), then without the next holes. */
static void add_span(char *start, char *end, size_t hole)
{
    char *const holes[][2] = {
        {__start_heddle_data, __stop_heddle_data},
        {__start_heddle_bss, __stop_heddle_bss},
    };

    if (start >= end)
        return;
    if (hole == sizeof(holes) / sizeof(holes[0])) {
        add_whole(start, end);
        return;
    }
    char *hole_start = holes[hole][0];
    char *hole_end = holes[hole][1];
    if (hole_start == NULL || hole_end <= start || hole_start >= end) {
        add_span(start, end, hole + 1);
        return;
    }
    add_span(start, hole_start, hole + 1);
    add_span(hole_end, end, hole + 1);
}

static void add_tls(const struct dl_phdr_info *info, const ElfW(Phdr) * header)
{
    if (info->dlpi_tls_data == NULL || header->p_memsz == 0)
        return;
    if (image.tls_count == TLS_MAX)
        abort();
    struct tls *tls = &image.tls[image.tls_count++];
    *tls = (struct tls){
        .offset = identity_own_tls_base() - (uintptr_t)info->dlpi_tls_data,
        .size_bytes = header->p_memsz,
        .main = take(header->p_memsz),
        .fresh = take(header->p_memsz),
    };
    memcpy(tls->main, info->dlpi_tls_data, header->p_memsz);
    memcpy(tls->fresh, (const char *)info->dlpi_addr + header->p_vaddr, header->p_filesz);
}

/* A dynamic section's addresses are absolute in most objects, relative in those that the system
 * itself maps. */
static const void *absolute(const struct dl_phdr_info *info, ElfW(Addr) address)
{
    return (const void *)(address < info->dlpi_addr ? info->dlpi_addr + address : address);
}

/* Symbols that an object takes from others stand before those in its hash table. */
static size_t undefined_count(const struct dl_phdr_info *info, const ElfW(Dyn) * dynamic)
{
    for (; dynamic->d_tag != DT_NULL; dynamic++)
        if (dynamic->d_tag == DT_GNU_HASH)
            return ((const uint32_t *)absolute(info, dynamic->d_un.d_ptr))[1];
    return 0;
}

/* Whether it calls the compiler's callbacks, which only the runtime answers. */
static bool is_marked(const struct dl_phdr_info *info, const ElfW(Dyn) * dynamic)
{
    const size_t count = undefined_count(info, dynamic);
    const ElfW(Sym) *symbols = NULL;
    const char *names = NULL;

    for (const ElfW(Dyn) *entry = dynamic; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB)
            symbols = absolute(info, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_STRTAB)
            names = absolute(info, entry->d_un.d_ptr);
    }
    for (size_t i = 1; symbols != NULL && names != NULL && i < count; i++)
        if (strcmp(names + symbols[i].st_name, "__tsan_init") == 0)
            return true;
    return false;
}

static bool is_of_program(const struct dl_phdr_info *info)
{
    if (image.objects++ == 0) /* the first one is the program itself */
        return true;
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            return is_marked(info, (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr));
    return false;
}

static int add_object(struct dl_phdr_info *info, size_t size, void *context)
{
    char *relro_start = NULL;
    char *relro_end = NULL;

    (void)size, (void)context;
    if (!is_of_program(info))
        return 0;
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
    return 0;
}

/* A run borrows `identity`: the first one of a run is for main(). */
static void reset_tls(struct identity *identity)
{
    const bool is_main = image.is_main_next;
    char *base = (char *)identity->tls_base;

    image.is_main_next = false;
    for (size_t i = 0; i < image.tls_count; i++) {
        const struct tls *tls = &image.tls[i];
        memcpy(base - tls->offset, is_main ? tls->main : tls->fresh, tls->size_bytes);
    }
    *(int *)(void *)(base - image.errno_offset) = 0;
}

void image_keep(const struct heap_kept *heap)
{
    image.errno_offset = identity_own_tls_base() - (uintptr_t)&errno;
    (void)dl_iterate_phdr(add_object, NULL);
    if (!pages_watch(heap->blocks, heap->blocks_bytes) ||
        !pages_watch(heap->shadow, heap->shadow_bytes))
        abort();
    identity_taken = reset_tls;
}

void image_restore(void)
{
    for (size_t i = 0; i < image.count; i++)
        if (image.spans[i].copy != NULL)
            memcpy(image.spans[i].start, image.spans[i].copy, image.spans[i].size_bytes);
    pages_restore();
    image.is_main_next = true;
}

static void make_fresh(const void *start, size_t size_bytes)
{
    if (race_fresh != NULL)
        race_fresh(start, size_bytes);
}

void image_restore_again(void)
{
    for (size_t i = 0; i < image.count; i++)
        if (image.spans[i].copy != NULL)
            make_fresh(image.spans[i].start, image.spans[i].size_bytes);
    pages_each_written(make_fresh);
    image_restore();
}

static void reach(const void *start, size_t size_bytes)
{
    heap_reach(start, size_bytes);
}

void image_reach(void)
{
    for (size_t i = 0; i < image.count; i++)
        if (image.spans[i].copy != NULL)
            heap_reach(image.spans[i].start, image.spans[i].size_bytes);
    pages_each_written(reach);
}

void image_reach_tls(const struct identity *identity)
{
    for (size_t i = 0; i < image.tls_count; i++)
        heap_reach((const char *)identity->tls_base - image.tls[i].offset, image.tls[i].size_bytes);
}

size_t image_bytes(void)
{
    size_t total = 0;

    for (size_t i = 0; i < image.count; i++)
        total += image.spans[i].size_bytes;
    for (size_t i = 0; i < image.tls_count; i++)
        total += image.tls[i].size_bytes;
    return total;
}
