/*
 * fuzz/target/corpus_test.c - every input that a scenario target starts from decodes to a scenario
 * that `check` accepts: seeds that do nothing would be found out by nobody else. Of those in text,
 * behind --text, only what is named refused is not accepted.
 *
 *     corpus_test FOLDER... --text FOLDER...
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"

enum { INPUT_BYTES_MAX = 1 << 20, PATH_BYTES = 4096 };

static char **folders;

/* NULL: refused. */
static struct scenario *read_input(const uint8_t *data, size_t len, const char *path, bool is_text,
                                   struct diagnostics *diag)
{
    struct scenario *scenario = NULL;

    if (!is_text)
        return scenario_decode(data, len);
    return scenario_parse((const char *)data, len, path, &scenario, diag) ? scenario : NULL;
}

static bool check_input(const char *path, bool is_text)
{
    bool is_wanted = !is_text || strstr(path, "/refused") == NULL;

    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    struct diagnostics *diag = malloc(sizeof(*diag));

    assert_non_null(file);
    assert_non_null(data);
    assert_non_null(diag);
    size_t len = fread(data, 1, INPUT_BYTES_MAX, file);
    assert_false(ferror(file));
    fclose(file);
    diagnostics_init(diag);
    struct scenario *scenario = read_input(data, len, path, is_text, diag);
    bool is_good = (scenario != NULL && scenario_check_semantics(scenario, diag) &&
                    scenario->actor_count > 0) == is_wanted;
    if (!is_good) {
        print_error("%s: %s\n", path, is_wanted ? "no scenario to run" : "not refused");
        diagnostics_print(diag, stderr);
    }
    scenario_free(scenario);
    free(diag);
    free(data);
    return is_good;
}

static void each_input_is_a_scenario_that_runs(void **state)
{
    unsigned bad = 0, count = 0;
    bool is_text = false;

    (void)state;
    for (char **folder = folders; *folder != NULL; folder++) {
        if (strcmp(*folder, "--text") == 0) {
            is_text = true;
            continue;
        }
        DIR *dir = opendir(*folder);
        assert_non_null(dir);
        for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
            char path[PATH_BYTES];
            if (entry->d_name[0] == '.')
                continue;
            assert_true(snprintf(path, sizeof(path), "%s/%s", *folder, entry->d_name) < PATH_BYTES);
            bad += !check_input(path, is_text);
            count++;
        }
        closedir(dir);
    }
    assert_true(count > 0);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_input_is_a_scenario_that_runs)};

    if (argc < 2)
        return 2;
    folders = argv + 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
