/*
 * sim/cc/arguments.c - see arguments.h.
 */
#include "sim/cc/arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Their value is the next word if it is not joined on. */
static const char *const with_value[] = {
    "--assert",
    "--config",
    "--define-macro",
    "--for-linker",
    "--imacros",
    "--include",
    "--include-directory",
    "--language",
    "--library-directory",
    "--output",
    "--param",
    "--prefix",
    "--serialize-diagnostics",
    "--sysroot",
    "--undefine-macro",
    "-A",
    "-B",
    "-D",
    "-F",
    "-G",
    "-I",
    "-L",
    "-MF",
    "-MJ",
    "-MQ",
    "-MT",
    "-T",
    "-U",
    "-Xanalyzer",
    "-Xassembler",
    "-Xclang",
    "-Xlinker",
    "-Xopenmp-target",
    "-Xpreprocessor",
    "-arch",
    "-aux-info",
    "-b",
    "-cxx-isystem",
    "-dumpbase",
    "-dumpbase-ext",
    "-dumpdir",
    "-e",
    "-framework",
    "-gcc-toolchain",
    "-idirafter",
    "-iframework",
    "-imacros",
    "-imultilib",
    "-include",
    "-include-pch",
    "-iprefix",
    "-iquote",
    "-isysroot",
    "-isystem",
    "-isystem-after",
    "-ivfsoverlay",
    "-iwithprefix",
    "-iwithprefixbefore",
    "-iwithsysroot",
    "-l",
    "-mllvm",
    "-o",
    "-rpath",
    "-specs",
    "-stdlib++-isystem",
    "-target",
    "-u",
    "-working-directory",
    "-wrapper",
    "-x",
    "-z",
};

/* Answered without an input. */
static const char *const questions[] = {
    "--help",     "--target-help", "--version", "-cc1",         "-cc1as",           "-dumpmachine",
    "-dumpspecs", "-help",         "--info",    "-dumpversion", "-dumpfullversion",
};

static const char *const without_libc[] = {
    "-nostdlib",
    "-nodefaultlibs",
    "-nolibc",
    "-nostartfiles",
};

/* With a runtime, a heap or a layout of memory of their own. */
static const struct {
    const char *name;
    const char *reason;
} refused_sanitizers[] = {
    {"address", "Heddle's runtime watches the heap itself"},
    {"hwaddress", "Heddle's runtime watches the heap itself"},
    {"kernel-address", "Heddle's runtime watches the heap itself"},
    {"kernel-hwaddress", "Heddle's runtime watches the heap itself"},
    {"leak", "Heddle's runtime watches the heap itself"},
    {"memory", "its runtime and Heddle's cannot be in one program"},
    {"kernel-memory", "its runtime and Heddle's cannot be in one program"},
    {"dataflow", "its runtime and Heddle's cannot be in one program"},
    {"safe-stack", "its runtime and Heddle's cannot be in one program"},
    {"scudo", "its runtime and Heddle's cannot be in one program"},
    {"realtime", "its runtime and Heddle's cannot be in one program"},
    {"type", "its runtime and Heddle's cannot be in one program"},
    {"numerical", "its runtime and Heddle's cannot be in one program"},
    {"fuzzer", "a program of your own is searched with `heddle explore`"},
    {"fuzzer-no-link", "a program of your own is searched with `heddle explore`"},
};

/* Of file names, without the dot; what is not here goes to the linker. */
static const struct {
    const char *ending;
    enum cc_language language;
} endings[] = {
    {"c", CC_C},          {"i", CC_C},        {"m", CC_C},         {"mi", CC_C},
    {"h", CC_C},          {"cc", CC_CXX},     {"cp", CC_CXX},      {"cxx", CC_CXX},
    {"cpp", CC_CXX},      {"CPP", CC_CXX},    {"c++", CC_CXX},     {"C", CC_CXX},
    {"ii", CC_CXX},       {"M", CC_CXX},      {"mm", CC_CXX},      {"mii", CC_CXX},
    {"H", CC_CXX},        {"hh", CC_CXX},     {"hp", CC_CXX},      {"hxx", CC_CXX},
    {"hpp", CC_CXX},      {"HPP", CC_CXX},    {"h++", CC_CXX},     {"tcc", CC_CXX},
    {"cppm", CC_CXX},     {"ixx", CC_CXX},    {"s", CC_ASSEMBLER}, {"S", CC_ASSEMBLER},
    {"sx", CC_ASSEMBLER}, {"ll", CC_BITCODE}, {"bc", CC_BITCODE},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_in(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, list[i]) == 0)
            return true;
    return false;
}

bool cc_takes_next_word(const char *word)
{
    return is_in(word, with_value, COUNT(with_value)) || words_has_prefix(word, "-Xarch_");
}

__attribute__((format(printf, 2, 3))) static void refuse(struct cc_arguments *arguments,
                                                         const char *format, ...)
{
    va_list args;

    if (arguments->error[0] != '\0')
        return; /* the first one is enough */
    va_start(args, format);
    (void)vsnprintf(arguments->error, sizeof(arguments->error), format, args);
    va_end(args);
}

static enum cc_language language_of_path(const char *path)
{
    const char *dot = strrchr(path, '.');

    if (dot == NULL || strchr(dot, '/') != NULL)
        return CC_LINKER_INPUT;
    for (size_t i = 0; i < COUNT(endings); i++)
        if (strcmp(dot + 1, endings[i].ending) == 0)
            return endings[i].language;
    return CC_LINKER_INPUT;
}

/* Of the word behind -x. */
static enum cc_language language_of_name(const char *name)
{
    if (words_has_prefix(name, "assembler"))
        return CC_ASSEMBLER;
    if (strcmp(name, "ir") == 0)
        return CC_BITCODE;
    return strstr(name, "c++") != NULL ? CC_CXX : CC_C;
}

/* What the words so far said. */
struct reading {
    struct cc_arguments *arguments;
    const char *language; /* of -x, NULL: by the name of the file */
    size_t input_room;
    bool is_question;
    bool preprocesses;
    bool compiles;
    bool relocates;
    bool shares;
    bool is_without_libc;
    bool names_libc;
};

static bool is_header(const char *path, const char *language)
{
    const char *dot = strrchr(path, '.');

    if (language != NULL)
        return strstr(language, "-header") != NULL;
    return dot != NULL && (dot[1] == 'h' || dot[1] == 'H') && strchr(dot, '/') == NULL &&
           language_of_path(path) != CC_LINKER_INPUT;
}

static void add_input(struct reading *reading, size_t at, const char *path)
{
    struct cc_arguments *arguments = reading->arguments;
    const enum cc_language language =
        reading->language != NULL ? language_of_name(reading->language) : language_of_path(path);

    if (arguments->input_count == reading->input_room) {
        reading->input_room = reading->input_room == 0 ? 16 : 2 * reading->input_room;
        struct cc_input *inputs = realloc(arguments->inputs, reading->input_room * sizeof(*inputs));
        if (inputs == NULL)
            abort();
        arguments->inputs = inputs;
    }
    arguments->inputs[arguments->input_count++] =
        (struct cc_input){.at = at, .path = path, .language = language};
    if (language == CC_C || language == CC_CXX)
        arguments->source_count++;
    if (is_header(path, reading->language))
        reading->compiles = true; /* to a precompiled header */
}

static void read_sanitizers(struct cc_arguments *arguments, const char *names)
{
    for (const char *name = names; *name != '\0';) {
        const size_t len = strcspn(name, ",");
        bool is_thread = len == strlen("thread") && memcmp(name, "thread", len) == 0;
        for (size_t i = 0; i < COUNT(refused_sanitizers); i++) {
            const char *refused = refused_sanitizers[i].name;
            if (strlen(refused) == len && memcmp(name, refused, len) == 0)
                refuse(arguments, "-fsanitize=%s: %s; leave it away", refused,
                       refused_sanitizers[i].reason);
        }
        if (!is_thread)
            arguments->checks_undefined = true;
        name += len + (name[len] == ',');
    }
}

static void read_target(struct cc_arguments *arguments, const char *target)
{
    if (!words_has_prefix(target, "x86_64") || strstr(target, "linux") == NULL ||
        strstr(target, "x32") != NULL)
        refuse(arguments, "target %s: Heddle runs x86-64 Linux programs only", target);
}

static void read_linker_words(struct reading *reading, const char *words)
{
    for (const char *word = words; *word != '\0';) {
        const size_t len = strcspn(word, ",");
        if ((len == 2 && memcmp(word, "-r", 2) == 0) ||
            (len == 13 && memcmp(word, "--relocatable", 13) == 0))
            reading->relocates = true;
        if ((len == 7 && memcmp(word, "-shared", 7) == 0) ||
            (len == 8 && memcmp(word, "--shared", 8) == 0) ||
            (len == 11 && memcmp(word, "-Bshareable", 11) == 0))
            reading->shares = true;
        word += len + (word[len] == ',');
    }
}

/* Options that say how far to go. */
static bool read_step(struct reading *reading, const char *word)
{
    static const char *const preprocessing[] = {
        "-E", "-M", "-MM", "--preprocess", "--dependencies", "--user-dependencies"};
    static const char *const compiling[] = {
        "-c",        "-S",           "-fsyntax-only", "--compile",     "--assemble",  "--analyze",
        "-emit-ast", "--precompile", "-emit-pch",     "-rewrite-objc", "-verify-pch",
    };

    if (is_in(word, preprocessing, COUNT(preprocessing)))
        reading->preprocesses = true;
    else if (is_in(word, compiling, COUNT(compiling)))
        reading->compiles = true;
    else if (strcmp(word, "-r") == 0 || strcmp(word, "--relocatable") == 0)
        reading->relocates = true;
    else if (strcmp(word, "-shared") == 0 || strcmp(word, "--shared") == 0)
        reading->shares = true;
    else if (words_has_prefix(word, "-print-") || words_has_prefix(word, "--print-") ||
             words_has_prefix(word, "--help=") || is_in(word, questions, COUNT(questions)))
        reading->is_question = true;
    else
        return false;
    return true;
}

/* -g, -g3, -ggdb: debug information. -gcc-toolchain, -gsplit-dwarf, -gz: not about whether. */
static void read_debug(struct cc_arguments *arguments, const char *word)
{
    const char *rest = word + 2;

    if (strcmp(rest, "0") == 0 || strcmp(rest, "gdb0") == 0)
        arguments->is_without_debug = true;
    else if (*rest == '\0' || (*rest >= '1' && *rest <= '9') || words_has_prefix(rest, "gdb") ||
             words_has_prefix(rest, "dwarf") || words_has_prefix(rest, "line"))
        arguments->is_without_debug = false;
}

static void read_option(struct reading *reading, const char *word)
{
    struct cc_arguments *arguments = reading->arguments;

    if (read_step(reading, word))
        return;
    if (words_has_prefix(word, "-Wl,"))
        read_linker_words(reading, word + strlen("-Wl,"));
    else if (words_has_prefix(word, "-g") && word[2] != 'c')
        read_debug(arguments, word);
    else if (words_has_prefix(word, "-fuse-ld=") || words_has_prefix(word, "--ld-path="))
        arguments->has_linker = true;
    else if (strcmp(word, "-static") == 0 || strcmp(word, "--static") == 0 ||
             strcmp(word, "-static-pie") == 0)
        arguments->is_static = true;
    else if (strcmp(word, "-w") == 0)
        arguments->is_silent = true;
    else if (strcmp(word, "-lc") == 0)
        reading->names_libc = true;
    else if (is_in(word, without_libc, COUNT(without_libc)))
        reading->is_without_libc = true;
    else if (words_has_prefix(word, "-fsanitize="))
        read_sanitizers(arguments, word + strlen("-fsanitize="));
    else if (strcmp(word, "-m32") == 0 || strcmp(word, "-mx32") == 0 || strcmp(word, "-m16") == 0)
        refuse(arguments, "%s: Heddle runs 64-bit programs only", word);
    else if (words_has_prefix(word, "--target="))
        read_target(arguments, word + strlen("--target="));
    else if (words_has_prefix(word, "-x"))
        reading->language = word + 2;
    else if (words_has_prefix(word, "--language="))
        reading->language = word + strlen("--language=");
}

static void read_pair(struct reading *reading, const char *word, const char *value)
{
    if (strcmp(word, "-x") == 0 || strcmp(word, "--language") == 0)
        reading->language = value;
    else if (strcmp(word, "-target") == 0)
        read_target(reading->arguments, value);
    else if (strcmp(word, "-l") == 0 && strcmp(value, "c") == 0)
        reading->names_libc = true;
    else if (strcmp(word, "-Xlinker") == 0 || strcmp(word, "--for-linker") == 0)
        read_linker_words(reading, value);
}

static enum cc_action action_of(const struct reading *reading)
{
    if (reading->is_question || reading->arguments->input_count == 0)
        return CC_QUERY;
    if (reading->preprocesses)
        return CC_PREPROCESS;
    if (reading->compiles)
        return CC_COMPILE;
    if (reading->relocates)
        return CC_RELOCATE;
    return reading->shares ? CC_SHARE : CC_LINK;
}

void cc_arguments_parse(struct cc_arguments *arguments, const char *const *items, size_t count)
{
    struct reading reading = {.arguments = arguments};

    *arguments = (struct cc_arguments){0};
    words_expand(&arguments->words, items, count);
    for (size_t i = 0; i < arguments->words.count; i++) {
        const char *word = arguments->words.items[i];
        if (word[0] != '-' || word[1] == '\0') {
            add_input(&reading, i, word);
        } else if (cc_takes_next_word(word) && i + 1 < arguments->words.count) {
            read_pair(&reading, word, arguments->words.items[i + 1]);
            i++;
        } else {
            read_option(&reading, word);
        }
        if (reading.language != NULL && strcmp(reading.language, "none") == 0)
            reading.language = NULL;
    }
    arguments->action = action_of(&reading);
    arguments->has_language = reading.language != NULL;
    arguments->is_freestanding = reading.is_without_libc && !reading.names_libc;
    if (arguments->action == CC_LINK && arguments->is_static && !arguments->is_freestanding)
        refuse(arguments, "-static: Heddle starts a program again and again in one process, and "
                          "leaves libc's own variables alone; link libc dynamically");
    if (arguments->action == CC_QUERY)
        arguments->error[0] = '\0';
}
