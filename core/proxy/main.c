/*
 * core/proxy/main.c - the native server: heddle-proxy CONFIG.
 *
 * Exit codes: 0 stopped as told, 1 could not run, 2 usage, 3 bad configuration.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/proxy/config.h"
#include "core/proxy/proxy.h"

enum { EXIT_RUN = 1, EXIT_USAGE = 2, EXIT_CONFIG = 3 };

static const char usage[] =
    "usage: heddle-proxy [--check] CONFIG\n"
    "       heddle-proxy --version | --help\n"
    "\n"
    "--check reads the configuration, prints it in its canonical form, and exits.\n"
    "SIGUSR1 stops softly, SIGTERM at once; SIGTTOU pauses, SIGTTIN resumes.\n";

/* The whole file, up to one byte more than a configuration may have. NULL: message printed. */
static char *read_file(const char *path, size_t *len)
{
    size_t size = CONFIG_TEXT_BYTES_MAX + 1;
    char *text = malloc(size);
    FILE *file = fopen(path, "rbe");

    if (text == NULL || file == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        goto free_text;
    }
    *len = fread(text, 1, size, file);
    if (ferror(file)) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        goto free_text;
    }
    (void)fclose(file);
    return text;

free_text:
    if (file != NULL)
        (void)fclose(file);
    free(text);
    return NULL;
}

static bool read_config(const char *path, struct config *config)
{
    struct config_error err;
    char message[1024];
    size_t len;
    char *text = read_file(path, &len);

    if (text == NULL)
        return false;
    bool is_good = config_parse(text, len, path, 1, config, &err);
    if (!is_good) {
        (void)config_error_print(&err, message, sizeof(message));
        (void)fputs(message, stderr);
    }
    free(text);
    return is_good;
}

static int print_config(const struct config *config)
{
    size_t size = config_print(config, NULL, 0) + 1;
    char *text = malloc(size);

    if (text == NULL)
        return EXIT_RUN;
    (void)config_print(config, text, size);
    (void)fputs(text, stdout);
    free(text);
    return 0;
}

/* As many fds as the configuration may use, if we are allowed to. */
static void raise_fd_limit(rlim_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        (void)fprintf(stderr, "warning: fd-max is %llu, the system allows %llu\n",
                      (unsigned long long)wanted, (unsigned long long)limit.rlim_max);
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(const struct config *config)
{
    struct proxy *proxy;
    struct proxy_error err;

    /* Who is told to stop while he starts, or once more as he leaves, still ends in good order. */
    proxy_hold_signals();
    raise_fd_limit(config->fd_max);
    if (proxy_new(config, &proxy, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.message);
        return EXIT_RUN;
    }
    int code = proxy_run(proxy);
    proxy_free(proxy);
    return code;
}

int main(int argc, char **argv)
{
    static struct config config;
    bool is_check = argc > 1 && strcmp(argv[1], "--check") == 0;

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)puts("heddle-proxy 0.1");
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(usage, stdout);
        return 0;
    }
    if (argc != (is_check ? 3 : 2) || (argv[argc - 1][0] == '-' && argv[argc - 1][1] != '\0')) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (!read_config(argv[argc - 1], &config))
        return EXIT_CONFIG;
    return is_check ? print_config(&config) : run(&config);
}
