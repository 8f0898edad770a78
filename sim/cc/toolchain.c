/*
 * sim/cc/toolchain.c - see toolchain.h.
 */
#include "sim/cc/toolchain.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION_MAX = 19, VERSION_MIN = 14 };

/* lld 14 leaves a nameless symbol in a shared object when there are many --wrap. */
#define LLD_VERSION "19"

const char *toolchain_which(const char *name)
{
    const char *path = getenv("PATH");

    if (strchr(name, '/') != NULL)
        return access(name, X_OK) == 0 ? name : NULL;
    for (path = path == NULL ? "/usr/local/bin:/usr/bin:/bin" : path;; path++) {
        const size_t len = strcspn(path, ":");
        char *file =
            len == 0 ? words_format("./%s", name) : words_format("%.*s/%s", (int)len, path, name);
        if (access(file, X_OK) == 0)
            return file;
        free(file);
        path += len;
        if (*path == '\0')
            return NULL;
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

/* By its own name or, for names such as `cc`, by that of the file behind the links. */
static bool read_family(const char *program, enum cc_family *family)
{
    char real[PATH_MAX];
    const char *names[] = {base_name(program), realpath(program, real) == NULL ? "" : real};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *name = base_name(names[i]);
        if (strstr(name, "clang") != NULL) {
            *family = CC_CLANG;
            return true;
        }
        if (strstr(name, "gcc") != NULL || strstr(name, "g++") != NULL) {
            *family = CC_GCC;
            return true;
        }
    }
    return false;
}

static bool is_self(const char *path)
{
    struct stat own;
    struct stat other;

    return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 &&
           own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* The words of HEDDLE_CC: the compiler is the last one that is no option, since `ccache clang` is
 * possible. */
static bool use_words(struct toolchain *toolchain, const char *variable, const char *text)
{
    struct words *words = &toolchain->compiler;
    const char *compiler = NULL;

    words_add_split(words, text, strlen(text));
    for (size_t i = 0; i < words->count; i++)
        if (words->items[i][0] != '-')
            compiler = words->items[i];
    const char *file = compiler == NULL ? NULL : toolchain_which(compiler);
    const char *program = words->count == 0 ? NULL : toolchain_which(words->items[0]);
    if (file == NULL || program == NULL)
        (void)snprintf(toolchain->error, sizeof(toolchain->error),
                       "%s=%s: there is no such program", variable, text);
    else if (is_self(file) || is_self(program))
        (void)snprintf(toolchain->error, sizeof(toolchain->error),
                       "%s=%s: this is the wrapper itself; name the compiler to use", variable,
                       text);
    else if (!read_family(file, &toolchain->family))
        (void)snprintf(toolchain->error, sizeof(toolchain->error),
                       "%s=%s: neither a clang nor a gcc by its name", variable, text);
    else
        words->items[0] = program;
    return toolchain->error[0] == '\0';
}

/* HEDDLE_CC without HEDDLE_CXX: clang++-16 belongs to clang-16. */
static char *cxx_beside(const char *cc)
{
    static const char *const pairs[][2] = {{"clang", "clang++"}, {"gcc", "g++"}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const char *found = NULL;
        for (const char *at = strstr(cc, pairs[i][0]); at != NULL; at = strstr(at + 1, pairs[i][0]))
            found = at;
        if (found != NULL)
            return words_format("%.*s%s%s", (int)(found - cc), cc, pairs[i][1],
                                found + strlen(pairs[i][0]));
    }
    return NULL;
}

static void find_compiler(struct toolchain *toolchain, bool is_cxx)
{
    const char *cc = getenv("HEDDLE_CC");
    const char *cxx = getenv("HEDDLE_CXX");
    const char *stem = is_cxx ? "clang++" : "clang";
    const char *program = NULL;

    if (is_cxx && (cxx == NULL || *cxx == '\0') && cc != NULL && *cc != '\0')
        cxx = cxx_beside(cc);
    const char *chosen = is_cxx ? cxx : cc;
    if (chosen != NULL && *chosen != '\0') {
        (void)use_words(toolchain, is_cxx ? "HEDDLE_CXX" : "HEDDLE_CC", chosen);
        return;
    }
    for (int version = VERSION_MAX; version >= VERSION_MIN && program == NULL; version--) {
        char name[32];
        (void)snprintf(name, sizeof(name), "%s-%d", stem, version);
        program = toolchain_which(name);
    }
    if (program == NULL)
        program = toolchain_which(stem);
    toolchain->family = CC_CLANG;
    if (program == NULL) {
        program = toolchain_which(is_cxx ? "g++" : "gcc");
        toolchain->family = CC_GCC;
    }
    if (program == NULL)
        (void)snprintf(toolchain->error, sizeof(toolchain->error),
                       "no compiler: needs clang-%d to clang-%d, or gcc; or name one in %s",
                       VERSION_MIN, VERSION_MAX, is_cxx ? "HEDDLE_CXX" : "HEDDLE_CC");
    else
        words_add(&toolchain->compiler, program);
}

static const char *find_runtime(void)
{
    /* As installed; as Bazel lays its outputs out. */
    static const char *const places[] = {"../lib/heddle", "../runtime"};
    const char *given = getenv("HEDDLE_RUNTIME");
    char self[PATH_MAX];

    if (given != NULL && *given != '\0')
        return access(words_format("%s/runtime.o", given), R_OK) == 0 ? given : NULL;
    const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0)
        return NULL;
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char *folder = words_format("%s/%s", self, places[i]);
        if (access(words_format("%s/runtime.o", folder), R_OK) == 0)
            return folder;
    }
    return NULL;
}

void toolchain_find(struct toolchain *toolchain, bool is_cxx)
{
    *toolchain = (struct toolchain){0};
    find_compiler(toolchain, is_cxx);
    toolchain->runtime = find_runtime();
}

const char *toolchain_linker(const struct toolchain *toolchain)
{
    if (toolchain->family == CC_CLANG && toolchain_which("ld.lld-" LLD_VERSION) != NULL)
        return "lld-" LLD_VERSION;
    return NULL;
}
