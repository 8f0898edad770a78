/*
 * sim/cc/assembly_test.c - asm statements that lock memory, and text that only looks like one.
 */
#include "sim/cc/assembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char seen[1024];

static void note(void *context, const struct assembly_place *place)
{
    (void)context;
    (void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s:%ld %s,",
                   (int)place->file_len, place->file == NULL ? "" : place->file, place->line,
                   place->instruction);
}

static const char *scan(const char *text)
{
    seen[0] = '\0';
    assembly_scan(text, strlen(text), note, NULL);
    return seen;
}

static void names_what_locks(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"asm(\"lock; incl %0\");", ":1 lock,"},
        {"__asm__ __volatile__ (\"lock\\n\\tincl %0\" : \"+m\"(x));", ":1 lock,"},
        {"\n\nasm volatile goto (\"1: lock cmpxchg %1, %0\\n\" : : : : out);", ":3 lock,"},
        {"asm(\"LOCK\" \"lock; \" \"incl %0\");", ""},
        {"asm(\"nop; \" \"lo\" \"ck; \" \"incl %0\");", ":1 lock,"},
        {"asm(\"xchgl %0, %1\" : \"+r\"(v), \"+m\"(*p));", ":1 xchg,"},
        {"asm(\"xchg %%eax, %%ebx\" ::: \"eax\");", ""},
        {"asm(\"xchg (%%rax), %%ebx\");", ":1 xchg,"},
        {"asm(\"LOCK; XADDQ %0\");", ":1 lock,"},
        {"asm(\"xaddq %0, %1\");", ":1 xadd,"},
        {"asm(\"cmpxchg16b %0\");", ":1 cmpxchg16b,"},
        {"asm(\"pause\" ::: \"memory\");", ""},
        {"asm(\"mfence\");", ""},
        {"asm(\"block; locked\");", ""},
        {"asm(\"nop\" : : \"m\"(\"lock; x\"));", ""},
        {"int f(void) __asm__(\"lock_other\");", ""},
        {"const char *s = \"asm(\\\"lock; x\\\")\";", ""},
        {"/* asm(\"lock\") */ // asm(\"lock\")\nint x;", ""},
        {"char c = '\"'; asm(\"lock; x\"); char d = '\\'';", ":1 lock,"},
        {"int my_asm(const char *); int y = my_asm(\"lock; x\");", ""},
        {"asm\n(\n\"lock; x\"\n);\nasm(\"xadd %0,%1\");", ":1 lock,:5 xadd,"},
        {"# 7 \"a b.c\"\nasm(\"lock; x\");", "a b.c:7 lock,"},
        {"# 7 \"a.c\"\n# 30 \"/usr/include/x.h\" 1 3 4\nasm(\"lock; x\");\n# 8 \"a.c\" 2\n"
         "asm(\"lock; y\");",
         "a.c:8 lock,"},
        {"#line 40 \"b.c\"\nasm(\"lock; x\");", "b.c:40 lock,"},
        {"#pragma once\nasm(\"lock; x\");", ":2 lock,"},
        {"auto s = R\"x(asm(\"lock; \")x\"; asm(R\"(\nlock; incl %0)\");", ":1 lock,"},
        {"asm", ""},
        {"asm(", ""},
        {"asm(\"lock", ":1 lock,"},
        {"asm volatile", ""},
        {"\"", ""},
        {"/*", ""},
        {"# ", ""},
        {"R\"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (strcmp(scan(cases[i].text), cases[i].want) != 0)
            fail_msg("%s: '%s', not '%s'", cases[i].text, seen, cases[i].want);
}

/* Whatever the text: no byte behind its end is looked at, and the scan ends. */
static void ends_wherever_the_text_ends(void **state)
{
    static const char text[] =
        "# 3 \"a.c\" 2\nasm /* x */ volatile (R\"k(lock; x)k\" u8\"y\\\"z\" : "
        "\"m\"(x)); '\\''; __asm__ goto(\"1:\\n\\tlock; xaddl\"); // end\n";

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        char copy[sizeof(text) + 1];
        memcpy(copy, text, len);
        copy[len] = '\0';
        (void)scan(copy);
    }
    assert_string_equal(scan(text), "a.c:3 lock,a.c:3 lock,");
}

static void sees_the_word_anywhere(void **state)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        {"asm", true},       {"x __asm__ y", true},    {"__asm(", true},
        {"/* asm */", true}, {"my_asm plasma", false}, {"asmx", false},
        {"", false},         {"as m", false},          {"plasma asm", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (assembly_is_mentioned(cases[i].text, strlen(cases[i].text)) != cases[i].want)
            fail_msg("'%s'", cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_what_locks),
        cmocka_unit_test(ends_wherever_the_text_ends),
        cmocka_unit_test(sees_the_word_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
