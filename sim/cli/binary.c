/*
 * sim/cli/binary.c - see binary.h.
 */
#include "sim/cli/binary.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/cli/cli.h"
#include "sim/foreign/note.h"

/* The file, in memory. */
struct image {
    const char *path;
    const unsigned char *bytes;
    size_t size_bytes;
};

static bool holds(const struct image *image, uint64_t offset, uint64_t size_bytes)
{
    return offset <= image->size_bytes && size_bytes <= image->size_bytes - offset;
}

static const Elf64_Ehdr *header_of(const struct image *image)
{
    return (const Elf64_Ehdr *)(const void *)image->bytes;
}

/* The first program header of `type`, after `last` (NULL: of all); NULL when there is none. */
static const Elf64_Phdr *find_segment(const struct image *image, uint32_t type,
                                      const Elf64_Phdr *last)
{
    const Elf64_Ehdr *header = header_of(image);
    const Elf64_Phdr *segments = (const void *)(image->bytes + header->e_phoff);

    if (!holds(image, header->e_phoff, (uint64_t)header->e_phnum * sizeof(*segments)))
        return NULL;
    for (size_t i = last == NULL ? 0 : (size_t)(last - segments) + 1; i < header->e_phnum; i++)
        if (segments[i].p_type == type && holds(image, segments[i].p_offset, segments[i].p_filesz))
            return &segments[i];
    return NULL;
}

static bool is_pie(const struct image *image)
{
    const Elf64_Phdr *segment = find_segment(image, PT_DYNAMIC, NULL);
    const Elf64_Dyn *entries =
        segment == NULL ? NULL : (const void *)(image->bytes + segment->p_offset);

    for (size_t i = 0; segment != NULL && i < segment->p_filesz / sizeof(*entries); i++)
        if (entries[i].d_tag == DT_FLAGS_1 && (entries[i].d_un.d_val & DF_1_PIE) != 0)
            return true;
    return false;
}

static const struct note *find_note(const struct image *image)
{
    const size_t head_bytes = offsetof(struct note, name);

    for (const Elf64_Phdr *segment = find_segment(image, PT_NOTE, NULL); segment != NULL;
         segment = find_segment(image, PT_NOTE, segment)) {
        uint64_t at = segment->p_offset;
        const uint64_t end = at + segment->p_filesz;
        while (at + head_bytes <= end) {
            const struct note *note = (const void *)(image->bytes + at);
            const uint64_t name_bytes = ((uint64_t)note->name_bytes + 3) & ~UINT64_C(3);
            const uint64_t content_bytes = ((uint64_t)note->content_bytes + 3) & ~UINT64_C(3);
            if (note->name_bytes == sizeof(NOTE_NAME) && at + sizeof(*note) <= end &&
                memcmp(note->name, NOTE_NAME, sizeof(NOTE_NAME)) == 0)
                return note;
            at += head_bytes + name_bytes + content_bytes;
        }
    }
    return NULL;
}

/* What is wrong with it; NULL when nothing is. */
static const char *judge(const struct image *image)
{
    const Elf64_Ehdr *header = header_of(image);
    const struct note *note;

    if (image->size_bytes < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return "is no program; build it with heddle cc";
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64)
        return "is built for another machine; heddle runs x86-64 programs";
    if (header->e_type == ET_REL)
        return "is an object file; link it with heddle cc";
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
        return "is no program; build it with heddle cc";
    if (find_segment(image, PT_INTERP, NULL) == NULL)
        return header->e_type == ET_DYN && !is_pie(image)
                   ? "is a shared library; explore a program that uses it"
                   : "is linked statically; build it with heddle cc and without -static";
    note = find_note(image);
    if (note == NULL)
        return "was not built with heddle cc";
    if (note->version < NOTE_VERSION)
        return "was built with an older heddle; link it again with heddle cc";
    if (note->version > NOTE_VERSION)
        return "was built with a newer heddle than this one; run that one, or link it again";
    return NULL;
}

static int refuse(const char *path, const char *why)
{
    cli_say("%s %s", path, why);
    return CLI_INPUT;
}

static int check_open(const char *path, int fd)
{
    struct stat status;
    struct image image = {.path = path};

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return refuse(path, "is no file; name a program or a scenario");
    if ((status.st_mode & (S_ISUID | S_ISGID)) != 0)
        return refuse(path, "runs with other rights (setuid or setgid); run a copy without them");
    image.size_bytes = (size_t)status.st_size;
    if (image.size_bytes == 0)
        return refuse(path, "is empty");
    void *bytes = mmap(NULL, image.size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return refuse(path, strerror(errno));
    image.bytes = bytes;
    const char *why = judge(&image);
    (void)munmap(bytes, image.size_bytes);
    if (why == NULL && access(path, X_OK) != 0)
        why = "may not be executed; chmod +x it";
    return why == NULL ? 0 : refuse(path, why);
}

int binary_check(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        cli_say("%s: %s", path, strerror(errno));
        return CLI_INPUT;
    }
    const int exit_code = check_open(path, fd);
    (void)close(fd);
    return exit_code;
}
