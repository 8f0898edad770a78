/*
 * sim/cc/arguments_test.c - command lines of build systems, and what is made of them.
 *
 * A table of lines: what they ask for, which inputs they name, what they are refused for; then the
 * words that the real compiler gets.
 */
#include "sim/cc/arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/cc/command.h"

static void parse(const char *line, struct cc_arguments *arguments)
{
    struct words words = {0};

    words_add_split(&words, line, strlen(line));
    cc_arguments_parse(arguments, words.items, words.count);
}

static void finds_what_is_asked_for(void **state)
{
    static const struct {
        const char *line;
        enum cc_action action;
        const char *inputs; /* with their language's digit: "a.c:1 b.o:0" */
    } cases[] = {
        {"", CC_QUERY, ""},
        {"--version", CC_QUERY, ""},
        {"-v", CC_QUERY, ""},
        {"-dumpmachine a.c", CC_QUERY, "a.c:1 "},
        {"-print-search-dirs", CC_QUERY, ""},
        {"-print-prog-name=ld", CC_QUERY, ""},
        {"-O2 -Wall", CC_QUERY, ""},
        {"a.c", CC_LINK, "a.c:1 "},
        {"-### a.c", CC_LINK, "a.c:1 "},
        {"-c a.c -o a.o", CC_COMPILE, "a.c:1 "},
        {"-S a.c", CC_COMPILE, "a.c:1 "},
        {"-fsyntax-only a.c", CC_COMPILE, "a.c:1 "},
        {"-E a.c", CC_PREPROCESS, "a.c:1 "},
        {"-E -c a.c", CC_PREPROCESS, "a.c:1 "},
        {"-M a.c", CC_PREPROCESS, "a.c:1 "},
        {"-MM a.c", CC_PREPROCESS, "a.c:1 "},
        {"-MD -c a.c", CC_COMPILE, "a.c:1 "},
        {"-MMD -MP -MF a.d -MT a.o -c a.c", CC_COMPILE, "a.c:1 "},
        {"-Wp,-MD,a.d -c a.c", CC_COMPILE, "a.c:1 "},
        {"-shared a.o -o liba.so", CC_SHARE, "a.o:0 "},
        {"-Wl,-shared a.o", CC_SHARE, "a.o:0 "},
        {"-Xlinker -shared a.o", CC_SHARE, "a.o:0 "},
        {"-shared -c a.c", CC_COMPILE, "a.c:1 "},
        {"-r a.o b.o -o c.o", CC_RELOCATE, "a.o:0 b.o:0 "},
        {"-nostdlib -Wl,-r a.o -o c.o", CC_RELOCATE, "a.o:0 "},
        {"a.o libb.a -lm -L. -o a", CC_LINK, "a.o:0 libb.a:0 "},
        {"-o a.c b.o", CC_LINK, "b.o:0 "},
        {"-oa.c b.o", CC_LINK, "b.o:0 "},
        {"-I inc.c -D x.c -include c.c -isystem d.c a.c", CC_LINK, "a.c:1 "},
        {"-Iinc -Dx=1 -Uy -Lz a.c", CC_LINK, "a.c:1 "},
        {"-Xclang -load -Xclang x.c -mllvm y.c -c a.c", CC_COMPILE, "a.c:1 "},
        {"-u sym -z now -T script.c -e main a.o", CC_LINK, "a.o:0 "},
        {"--param x.c -c a.c", CC_COMPILE, "a.c:1 "},
        {"--sysroot x.c -c a.c", CC_COMPILE, "a.c:1 "},
        {"--output x.c a.c", CC_LINK, "a.c:1 "},
        {"a.c b.cc d.s e.S f.ll g.i h.ii i.C", CC_LINK,
         "a.c:1 b.cc:2 d.s:3 e.S:3 f.ll:4 g.i:1 h.ii:2 i.C:2 "},
        {"x.h", CC_COMPILE, "x.h:1 "},
        {"-x c++-header x", CC_COMPILE, "x:2 "},
        {"-x c - -o a", CC_LINK, "-:1 "},
        {"-xc -E -", CC_PREPROCESS, "-:1 "},
        {"-x c a -x none b.o -x c++ d", CC_LINK, "a:1 b.o:0 d:2 "},
        {"-x assembler-with-cpp a.c", CC_LINK, "a.c:3 "},
        {"-E -dM -x c /dev/null", CC_PREPROCESS, "/dev/null:1 "},
        {"dir.c/name", CC_LINK, "dir.c/name:0 "},
        {"'a b.c' -o 'c d'", CC_LINK, "a b.c:1 "},
        {"-o", CC_QUERY, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cc_arguments arguments;
        char inputs[512] = "";
        parse(cases[i].line, &arguments);
        for (size_t j = 0; j < arguments.input_count; j++)
            (void)snprintf(inputs + strlen(inputs), sizeof(inputs) - strlen(inputs), "%s:%d ",
                           arguments.inputs[j].path, (int)arguments.inputs[j].language);
        if (arguments.action != cases[i].action || strcmp(inputs, cases[i].inputs) != 0 ||
            arguments.error[0] != '\0')
            fail_msg("%s: action %d, inputs '%s', error '%s'", cases[i].line, (int)arguments.action,
                     inputs, arguments.error);
    }
}

static void refuses_what_cannot_be(void **state)
{
    static const struct {
        const char *line;
        const char *error; /* its beginning; empty: accepted */
    } cases[] = {
        {"-m32 a.c", "-m32: Heddle runs 64-bit"},
        {"-mx32 a.o", "-mx32: "},
        {"-m64 a.c", ""},
        {"--target=aarch64-linux-gnu -c a.c", "target aarch64-linux-gnu: "},
        {"-target i386-linux-gnu -c a.c", "target i386-linux-gnu: "},
        {"--target=x86_64-linux-gnu -c a.c", ""},
        {"--target=x86_64-w64-mingw32 -c a.c", "target x86_64-w64-mingw32: "},
        {"-fsanitize=address -c a.c", "-fsanitize=address: Heddle's runtime watches"},
        {"-fsanitize=undefined,leak a.o", "-fsanitize=leak: "},
        {"-fsanitize=memory a.c", "-fsanitize=memory: "},
        {"-fsanitize=fuzzer a.c", "-fsanitize=fuzzer: "},
        {"-fsanitize=thread a.c", ""},
        {"-fsanitize=undefined a.c", ""},
        {"-fno-sanitize=address a.c", ""},
        {"-static a.o", "-static: "},
        {"-static-pie a.c", "-static: "},
        {"-static -c a.c", ""},
        {"-static -nostdlib a.o", ""},
        {"-static -shared a.o", ""},
        {"-m32 --version", ""},
        {"-m32", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cc_arguments arguments;
        const char *wanted = cases[i].error;
        parse(cases[i].line, &arguments);
        if (strncmp(arguments.error, wanted, strlen(wanted)) != 0 ||
            (*wanted == '\0' && arguments.error[0] != '\0'))
            fail_msg("%s: '%s', not '%s'", cases[i].line, arguments.error, wanted);
    }
}

static void reads_response_files(void **state)
{
    struct cc_arguments arguments;
    char outer[] = "/tmp/cc-test-XXXXXX";
    char inner[] = "/tmp/cc-test-XXXXXX";
    const int inner_fd = mkstemp(inner);
    const int outer_fd = mkstemp(outer);
    char line[128];

    (void)state;
    assert_true(inner_fd >= 0 && outer_fd >= 0);
    assert_true(dprintf(inner_fd, "'b c.c'\n\"d\\\"e.c\" f\\ g.o\t-c\n") > 0);
    assert_true(dprintf(outer_fd, "a.c\n@%s -DX='1 2'\n", inner) > 0);
    assert_int_equal(close(inner_fd), 0);
    assert_int_equal(close(outer_fd), 0);
    (void)snprintf(line, sizeof(line), "-O2 @%s @/nowhere", outer);
    parse(line, &arguments);
    assert_int_equal(unlink(inner), 0);
    assert_int_equal(unlink(outer), 0);

    assert_int_equal(arguments.action, CC_COMPILE);
    assert_int_equal(arguments.input_count, 5);
    assert_string_equal(arguments.inputs[0].path, "a.c");
    assert_string_equal(arguments.inputs[1].path, "b c.c");
    assert_string_equal(arguments.inputs[2].path, "d\"e.c");
    assert_string_equal(arguments.inputs[3].path, "f g.o");
    assert_string_equal(arguments.inputs[4].path, "@/nowhere");
    assert_string_equal(arguments.words.items[6], "-DX=1 2");
    assert_int_equal(arguments.source_count, 3);
}

/* The words for `line`, each between blanks. */
static const char *command_of(const char *line, bool is_cxx, enum cc_family family)
{
    static char text[4096];
    struct cc_arguments arguments;
    struct toolchain toolchain = {.family = family, .runtime = "/run"};
    struct words items = {0};
    struct words wraps = {0};
    struct words command = {0};

    words_add(&toolchain.compiler, "real");
    words_add(&wraps, "-Wl,--wrap=read");
    words_add_split(&items, line, strlen(line));
    cc_arguments_parse(&arguments, items.items, items.count);
    const struct command_parts parts = {.arguments = &arguments,
                                        .toolchain = &toolchain,
                                        .is_cxx = is_cxx,
                                        .items = items.items,
                                        .item_count = items.count,
                                        .linker = "lld-19",
                                        .wraps = &wraps};
    command_build(&parts, &command);
    text[0] = '\0';
    for (size_t i = 0; i < command.count; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", command.items[i]);
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " ");
    return text;
}

static void adds_the_words_that_are_needed(void **state)
{
    static const struct {
        const char *line;
        bool is_cxx;
        enum cc_family family;
        const char *with;    /* in this order */
        const char *without; /* each word alone */
    } cases[] = {
        {"--version", false, CC_CLANG, " real --version ", "-g"},
        {"-c a.c", false, CC_CLANG, " -g * -fsanitize=thread * -c a.c * -fno-omit-frame-pointer ",
         "/run/runtime.o -Wl,--wrap=read"},
        {"-c a.c -g0", false, CC_CLANG, " -g0 * -g1 ", "/run/runtime.o"},
        {"-c a.c -g0 -g3", false, CC_CLANG, " -g3 ", "-g1"},
        {"-c a.s", false, CC_CLANG, " -c a.s ", "-fsanitize=thread -g"},
        {"-E a.c", false, CC_CLANG, " -fsanitize=thread * -E a.c ", "/run/runtime.o"},
        {"a.c -o a", false, CC_CLANG,
         " -fno-sanitize-link-runtime * a.c -o a * -fuse-ld=lld-19 * /run/runtime.o "
         "@/run/runtime.flags * -Wl,--export-dynamic-symbol=__tsan_* ",
         "-static-libstdc++ -x"},
        {"-fuse-ld=bfd a.o", false, CC_CLANG, " -fuse-ld=bfd ", "-fuse-ld=lld-19"},
        {"-x c a", false, CC_CLANG, " -x c a * -x none * /run/runtime.o ", ""},
        {"a.o -Wl,-Bstatic -lfoo", false, CC_CLANG, " -lfoo * -Wl,-Bdynamic /run/runtime.o ",
         "-fsanitize=thread"},
        {"a.o", true, CC_CLANG, " a.o * -static-libstdc++ ", ""},
        {"-shared a.o", true, CC_CLANG,
         " -shared a.o * -static-libstdc++ -Wl,--wrap=read -Wl,-z,undefs ",
         "/run/runtime.o @/run/runtime.flags"},
        {"a.o -lstdc++", false, CC_CLANG, " a.o * /run/runtime.o * -l:libstdc++.a -lm ",
         "-lstdc++"},
        {"-c a.c -lstdc++", false, CC_CLANG, " -lstdc++ ", ""},
        {"-r a.o -o b.o", false, CC_CLANG, " -r a.o -o b.o ", "/run/runtime.o -Wl,--wrap=read"},
        {"-nostdlib a.c", false, CC_CLANG, " -nostdlib a.c ", "/run/runtime.o -fsanitize=thread"},
        {"-nodefaultlibs a.o -lc", false, CC_CLANG, " /run/runtime.o ", ""},
        {"-fsanitize=undefined -c a.c", false, CC_CLANG, " -fsanitize-trap=all ", ""},
        {"-fsanitize=undefined -c a.c", false, CC_GCC, " -fsanitize-undefined-trap-on-error ", ""},
        {"-c a.c", false, CC_GCC, " -g -fsanitize=thread ",
         "-fno-sanitize-link-runtime --start-no-unused-arguments"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = command_of(cases[i].line, cases[i].is_cxx, cases[i].family);
        const char *at = text;
        char with[512];
        char without[512];
        char *rest = NULL;
        (void)snprintf(with, sizeof(with), "%s", cases[i].with);
        for (char *part = with; part != NULL; part = rest) {
            rest = strstr(part, " * ");
            if (rest != NULL) {
                rest[1] = '\0';
                rest += 2;
            }
            at = strstr(at, part);
            if (at == NULL)
                fail_msg("%s: no '%s' in '%s'", cases[i].line, part, text);
            at += strlen(part) - 1;
        }
        (void)snprintf(without, sizeof(without), "%s", cases[i].without);
        for (char *word = strtok_r(without, " ", &rest); word != NULL;
             word = strtok_r(NULL, " ", &rest)) {
            char bounded[256];
            (void)snprintf(bounded, sizeof(bounded), " %s ", word);
            if (strstr(text, bounded) != NULL)
                fail_msg("%s: '%s' in '%s'", cases[i].line, word, text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_asked_for),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(reads_response_files),
        cmocka_unit_test(adds_the_words_that_are_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
