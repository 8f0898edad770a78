/*
 * sim/kernel/process_test.c - descriptors and what is left of them.
 */
#include "sim/kernel/testing.h"

#include <fcntl.h>

static void fds_are_the_lowest_free(void)
{
    for (int i = 0; i < 40; i++)
        CHECK_EQ(kernel_eventfd(testing.a, 0, 0), i);
    CHECK_EQ(kernel_close(testing.a, 7), 0);
    CHECK_EQ(kernel_close(testing.a, 3), 0);
    CHECK_EQ(kernel_close(testing.a, 3), -EBADF);
    CHECK_EQ(kernel_dup(testing.a, 0, 5, false), 7);
    CHECK_EQ(kernel_eventfd(testing.a, 0, 0), 3);
    CHECK_EQ(kernel_eventfd(testing.a, 0, 0), 40);
    CHECK_EQ(kernel_dup(testing.a, 0, 100, true), 100);
    CHECK_EQ(kernel_eventfd(testing.a, 0, 0), 41);
    CHECK_EQ(kernel_dup3(testing.a, 1, 9, O_CLOEXEC), 9);
    CHECK(process_file(testing.a, 9) == process_file(testing.a, 1));
    CHECK_EQ(kernel_dup3(testing.a, 1, 1, 0), -EINVAL);
}

static void the_limit_is_emfile(void)
{
    int fds[2];

    process_set_fd_limit(testing.b, 3);
    CHECK_EQ(kernel_eventfd(testing.b, 0, 0), 0);
    CHECK_EQ(kernel_eventfd(testing.b, 0, 0), 1);
    CHECK_EQ(kernel_pipe(testing.b, fds, 0), -EMFILE);
    CHECK_EQ(kernel_eventfd(testing.b, 0, 0), 2);
    CHECK_EQ(kernel_socket(testing.b, AF_INET, SOCK_STREAM, 0), -EMFILE);
    CHECK_EQ(kernel_dup(testing.b, 0, 3, false), -EINVAL);
    CHECK_EQ(kernel_close(testing.b, 1), 0);
    CHECK_EQ(kernel_socket(testing.b, AF_INET, SOCK_STREAM, 0), 1);
}

static void what_is_open_is_told_in_words(void)
{
    char text[128];
    int fds[2];

    process_close_all(testing.a);
    CHECK_EQ(process_describe_open(testing.a, 0, text, sizeof(text)), 0);
    CHECK_EQ(strcmp(text, ""), 0);
    listen_at_a(1);
    CHECK_EQ(kernel_pipe(testing.a, fds, 0), 0);
    CHECK_EQ(process_describe_open(testing.a, 0, text, sizeof(text)), 3);
    CHECK_EQ(strcmp(text, "1 listener, 2 pipe ends"), 0);
    CHECK_EQ(process_describe_open(testing.a, 1, text, sizeof(text)), 2);
}

static void a_closed_file_is_nobodys(void)
{
    const int fd = kernel_eventfd(testing.a, 0, 0);
    const int copy = kernel_dup(testing.a, fd, 0, false);
    const struct file *file = process_file(testing.a, fd);

    CHECK(process_has_file(testing.a, file));
    CHECK(!process_has_file(testing.b, file));
    CHECK_EQ(kernel_close(testing.a, fd), 0);
    CHECK(process_has_file(testing.a, file));
    CHECK_EQ(kernel_close(testing.a, copy), 0);
    CHECK(!process_has_file(testing.a, file));
    CHECK(!process_has_file(testing.a, NULL));
}

static void processes(void **state)
{
    static void (*const steps[])(void) = {
        fds_are_the_lowest_free,
        the_limit_is_emfile,
        what_is_open_is_told_in_words,
        a_closed_file_is_nobodys,
        NULL,
    };

    (void)state;
    run_steps(steps, MS, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(processes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
