/*
 * sim/report/symbols.c - see symbols.h. Everything is asked of libdwfl about this very process, so
 * address randomisation and shared libraries need no care here.
 */
#include "sim/report/symbols.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CACHE_BUCKETS = 4096 };

struct cached {
    struct cached *next;
    const void *pc;
    struct symbol symbol;
};

static struct {
    Dwfl *dwfl;
    bool is_tried;
    struct cached *buckets[CACHE_BUCKETS];
} symbols;

/* Frames whose code is in these files are the seam: people want to know who used it. */
static const char *const seam_files[] = {"core/base/atomic.h", "core/base/lock.h"};

/* What is in the files themselves must do: the standard search may ask a server on the network. */
static int find_no_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                             const char *file, const char *link, GElf_Word crc, char **found)
{
    (void)module, (void)user, (void)name, (void)base, (void)file, (void)link, (void)crc;
    *found = NULL;
    return -1;
}

static bool open_self(void)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_linux_proc_find_elf,
        .find_debuginfo = find_no_debuginfo,
    };

    if (symbols.is_tried)
        return symbols.dwfl != NULL;
    symbols.is_tried = true;
    Dwfl *dwfl = dwfl_begin(&callbacks);
    if (dwfl == NULL)
        return false;
    if (dwfl_linux_proc_report(dwfl, getpid()) != 0 || dwfl_report_end(dwfl, NULL, NULL) != 0) {
        dwfl_end(dwfl);
        return false;
    }
    symbols.dwfl = dwfl;
    return true;
}

const char *symbols_basename(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

/* The path below the source root. A file elsewhere (a library's) keeps its last part only. */
static const char *relative_path(const char *path, const char *comp_dir)
{
    static const char bazel_dir[] = "/proc/self/cwd/";
    const size_t dir_len = comp_dir == NULL ? 0 : strlen(comp_dir);

    if (dir_len > 1 && strncmp(path, comp_dir, dir_len) == 0 && path[dir_len] == '/')
        path += dir_len + 1;
    else if (strncmp(path, bazel_dir, sizeof(bazel_dir) - 1) == 0)
        path += sizeof(bazel_dir) - 1;
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    return path[0] == '/' ? symbols_basename(path) : path;
}

static void set_file(struct symbol *out, Dwarf_Die *unit, const char *path)
{
    Dwarf_Attribute attr;
    const char *comp_dir = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attr));

    if (path != NULL)
        snprintf(out->file, sizeof(out->file), "%s", relative_path(path, comp_dir));
}

static bool is_seam(const struct symbol *symbol)
{
    for (size_t i = 0; i < sizeof(seam_files) / sizeof(seam_files[0]); i++)
        if (strcmp(symbol->file, seam_files[i]) == 0)
            return true;
    return false;
}

/* The function's own name, also for an inlined copy. */
static const char *die_name(Dwarf_Die *die)
{
    Dwarf_Attribute attr;

    return dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));
}

static uint32_t attr_number(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attr;
    Dwarf_Word value;

    if (dwarf_formudata(dwarf_attr(die, name, &attr), &value) != 0)
        return 0;
    return (uint32_t)value;
}

static const char *unit_file(Dwarf_Die *unit, uint32_t index)
{
    Dwarf_Files *files;
    size_t count;

    if (dwarf_getsrcfiles(unit, &files, &count) != 0 || index >= count)
        return NULL;
    return dwarf_filesrc(files, index, NULL, NULL);
}

struct frame_list {
    struct symbol *frames;
    size_t count;
    size_t max;
};

static void add_frame(struct frame_list *list, const struct symbol *here, const char *name)
{
    if (list->count >= list->max || is_seam(here))
        return;
    struct symbol *out = &list->frames[list->count++];
    *out = *here;
    snprintf(out->function, sizeof(out->function), "%s", name == NULL ? "?" : name);
}

/* Walks outwards from the innermost function at `address`; each inlined one says where it was
 * called, which is the place within the next. */
static void add_dwarf_frames(struct frame_list *list, Dwarf_Die *unit, Dwarf_Addr address,
                             struct symbol *here)
{
    Dwarf_Die *scopes = NULL;
    Dwarf_Die *parents = NULL;
    int count = dwarf_getscopes(unit, address, &scopes);
    int inner = 0;

    while (inner < count && dwarf_tag(&scopes[inner]) != DW_TAG_subprogram &&
           dwarf_tag(&scopes[inner]) != DW_TAG_inlined_subroutine)
        inner++;
    if (count > 0 && inner < count) {
        /* Scopes past an inlined function are those of its definition; its own parents are where it
         * was inlined. */
        int parent_count = dwarf_getscopes_die(&scopes[inner], &parents);
        for (int i = 0; i < parent_count; i++) {
            int tag = dwarf_tag(&parents[i]);
            if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
                continue;
            add_frame(list, here, die_name(&parents[i]));
            if (tag == DW_TAG_subprogram)
                break;
            here->file[0] = '\0';
            set_file(here, unit, unit_file(unit, attr_number(&parents[i], DW_AT_call_file)));
            here->line = attr_number(&parents[i], DW_AT_call_line);
        }
    }
    free(parents);
    free(scopes);
}

/* The compilation unit that `address` belongs to. Searched one by one: clang writes no index. */
static Dwarf_Die *find_unit(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);

    if (unit != NULL)
        return unit;
    while ((unit = dwfl_module_nextcu(module, unit, bias)) != NULL)
        if (dwarf_haspc(unit, address - *bias) > 0)
            return unit;
    return NULL;
}

static void set_place(struct symbol *out, Dwarf_Die *unit, Dwarf_Addr address)
{
    Dwarf_Line *line = dwarf_getsrc_die(unit, address);
    int number = 0;

    if (line == NULL)
        return;
    set_file(out, unit, dwarf_linesrc(line, NULL, NULL));
    if (dwarf_lineno(line, &number) == 0 && number > 0)
        out->line = (uint32_t)number;
}

size_t symbols_frames(const void *pc, struct symbol *frames, size_t frames_max)
{
    struct frame_list list = {.frames = frames, .max = frames_max};
    struct symbol here = {.function = "?"};
    const Dwarf_Addr address = (Dwarf_Addr)(uintptr_t)pc - 1;
    Dwfl_Module *module = pc != NULL && open_self() ? dwfl_addrmodule(symbols.dwfl, address) : NULL;

    if (module != NULL) {
        Dwarf_Addr bias = 0;
        Dwarf_Die *unit = find_unit(module, address, &bias);
        if (unit != NULL) {
            set_place(&here, unit, address - bias);
            add_dwarf_frames(&list, unit, address - bias, &here);
        }
        if (list.count == 0)
            add_frame(&list, &here, dwfl_module_addrname(module, address));
    }
    if (list.count == 0 && frames_max > 0)
        list.frames[list.count++] = (struct symbol){.function = "?"};
    return list.count;
}

const struct symbol *symbols_lookup(const void *pc)
{
    static const struct symbol unknown = {.function = "?"};
    struct cached **bucket = &symbols.buckets[((uintptr_t)pc >> 2) % CACHE_BUCKETS];

    for (struct cached *entry = *bucket; entry != NULL; entry = entry->next)
        if (entry->pc == pc)
            return &entry->symbol;
    struct cached *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return &unknown;
    entry->pc = pc;
    symbols_frames(pc, &entry->symbol, 1);
    entry->next = *bucket;
    *bucket = entry;
    return &entry->symbol;
}

/* "{pc:1f00}" at `text`, `word` being "{pc:": its length and address, or 0. */
static size_t parse_escape(const char *text, const char *word, const void **address)
{
    const size_t word_len = strlen(word);
    char *end;

    if (strncmp(text, word, word_len) != 0)
        return 0;
    unsigned long long value = strtoull(text + word_len, &end, 16);
    if (end == text + word_len || *end != '}')
        return 0;
    *address = (const void *)(uintptr_t)value;
    return (size_t)(end + 1 - text);
}

void symbols_variable(const void *address, char *out, size_t out_bytes)
{
    const char *name = NULL;
    GElf_Off offset = 0;
    GElf_Sym sym;

    if (open_self()) {
        Dwfl_Module *module = dwfl_addrmodule(symbols.dwfl, (uintptr_t)address);
        if (module != NULL)
            name =
                dwfl_module_addrinfo(module, (uintptr_t)address, &offset, &sym, NULL, NULL, NULL);
    }
    if (name == NULL)
        snprintf(out, out_bytes, "?");
    else if (offset == 0)
        snprintf(out, out_bytes, "%s", name);
    else
        snprintf(out, out_bytes, "%s+0x%" PRIx64, name, (uint64_t)offset);
}

/* With places: every frame, inlined ones included. Returns how long the text is, cut or not. */
static size_t print_place(char *out, size_t out_bytes, const void *pc, bool has_places)
{
    struct symbol frames[SYMBOL_FRAMES_MAX];
    size_t count = has_places ? symbols_frames(pc, frames, SYMBOL_FRAMES_MAX) : 0;
    size_t used = 0;

    if (count == 0)
        return (size_t)snprintf(out, out_bytes, "%s", symbols_lookup(pc)->function);
    for (size_t i = 0; i < count && used < out_bytes; i++) {
        used += (size_t)snprintf(out + used, out_bytes - used, "%s%s", i == 0 ? "" : " <- ",
                                 frames[i].function);
        if (frames[i].line > 0 && used < out_bytes)
            used += (size_t)snprintf(out + used, out_bytes - used, " (%s:%" PRIu32 ")",
                                     frames[i].file, frames[i].line);
    }
    return used;
}

static void expand(char *text, size_t text_bytes, bool has_places)
{
    char *copy = strdup(text);
    size_t out = 0;

    if (copy == NULL || text_bytes == 0)
        goto free_copy;
    for (const char *in = copy; *in != '\0' && out + 1 < text_bytes;) {
        char variable[SYMBOL_FUNCTION_BYTES];
        const void *address = NULL;
        const size_t room = text_bytes - out;
        size_t len = parse_escape(in, "{pc:", &address);
        size_t n = 0;
        if (len != 0) {
            n = print_place(text + out, room, address, has_places);
        } else if ((len = parse_escape(in, "{data:", &address)) != 0) {
            symbols_variable(address, variable, sizeof(variable));
            n = (size_t)snprintf(text + out, room, "%s", variable);
        } else {
            text[out++] = *in++;
            continue;
        }
        out += n < room ? n : room - 1;
        in += len;
    }
    text[out] = '\0';
free_copy:
    free(copy);
}

void symbols_expand(char *text, size_t text_bytes)
{
    expand(text, text_bytes, false);
}

void symbols_expand_places(char *text, size_t text_bytes)
{
    expand(text, text_bytes, true);
}
