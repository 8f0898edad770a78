#include "core/proxy/config.h"

#include <string.h>

#include "core/proxy/config_parts.h"
#include "core/proxy/config_text.h"

/* --- what can be written, and how each is read and printed --- */

typedef bool (*parse_fn)(struct config *config, struct config_line *line);
typedef void (*print_fn)(const struct config *config, struct config_out *out);

enum {
#define CONFIG_NUMBER_BIT(field, word, least, most, value) BIT_##field,
    CONFIG_NUMBERS(CONFIG_NUMBER_BIT)
#undef CONFIG_NUMBER_BIT
#define CONFIG_DURATION_BIT(field, word, least, most, value) BIT_##field,
        CONFIG_DURATIONS(CONFIG_DURATION_BIT)
#undef CONFIG_DURATION_BIT
#define CONFIG_TIMEOUT_BIT(field, word, value) BIT_timeout_##field,
            CONFIG_TIMEOUTS(CONFIG_TIMEOUT_BIT)
#undef CONFIG_TIMEOUT_BIT
};

static bool set_once(struct config *config, struct config_line *line, unsigned bit)
{
    if (config->set >> bit & 1)
        return config_line_fail(line, &line->words[0], "this was already set");
    config->set |= UINT64_C(1) << bit;
    return true;
}

#define CONFIG_NUMBER_FUNCTIONS(field, word, least, most, value)                                   \
    static bool parse_##field(struct config *config, struct config_line *line)                     \
    {                                                                                              \
        return set_once(config, line, BIT_##field) &&                                              \
               config_line_number(line, word, least, most, &config->field);                        \
    }                                                                                              \
    static void print_##field(const struct config *config, struct config_out *out)                 \
    {                                                                                              \
        if (config->set >> BIT_##field & 1)                                                        \
            config_put(out, "%s" word " %u\n", out->indent, config->field);                        \
    }
CONFIG_NUMBERS(CONFIG_NUMBER_FUNCTIONS)
#undef CONFIG_NUMBER_FUNCTIONS

#define CONFIG_DURATION_FUNCTIONS(field, word, least, most, value)                                 \
    static bool parse_##field(struct config *config, struct config_line *line)                     \
    {                                                                                              \
        return set_once(config, line, BIT_##field) &&                                              \
               config_line_duration(line, word, &config->field);                                   \
    }                                                                                              \
    static void print_##field(const struct config *config, struct config_out *out)                 \
    {                                                                                              \
        char text[24];                                                                             \
        (void)config_duration_print(config->field, text);                                          \
        if (config->set >> BIT_##field & 1)                                                        \
            config_put(out, "%s" word " %s\n", out->indent, text);                                 \
    }
CONFIG_DURATIONS(CONFIG_DURATION_FUNCTIONS)
#undef CONFIG_DURATION_FUNCTIONS

static bool parse_timeout(struct config *config, struct config_line *line)
{
    const struct config_word *kind;

    if (!config_line_need(line, "kind of timeout", &kind))
        return false;
#define CONFIG_TIMEOUT_PARSE(field, word, value)                                                   \
    if (config_word_is(kind, word))                                                                \
        return set_once(config, line, BIT_timeout_##field) &&                                      \
               config_line_duration(line, "timeout", &config->timeout.field);
    CONFIG_TIMEOUTS(CONFIG_TIMEOUT_PARSE)
#undef CONFIG_TIMEOUT_PARSE
    return config_line_fail(line, kind,
                            "unknown kind of timeout; there are"
#define CONFIG_TIMEOUT_LIST(field, word, value) " " word
                            CONFIG_TIMEOUTS(CONFIG_TIMEOUT_LIST)
#undef CONFIG_TIMEOUT_LIST
    );
}

static void print_timeout(const struct config *config, struct config_out *out)
{
    char text[24];

#define CONFIG_TIMEOUT_PRINT(field, word, value)                                                   \
    if (config->set >> BIT_timeout_##field & 1) {                                                  \
        (void)config_duration_print(config->timeout.field, text);                                  \
        config_put(out, "%stimeout " word " %s\n", out->indent, text);                             \
    }
    CONFIG_TIMEOUTS(CONFIG_TIMEOUT_PRINT)
#undef CONFIG_TIMEOUT_PRINT
}

static bool parse_route(struct config *config, struct config_line *line)
{
    struct config_route route = {0};
    const struct config_word *prefix;

    if (config->routes_count == CONFIG_ROUTES_MAX)
        return config_line_fail(line, &line->words[0], "more than %d routes", CONFIG_ROUTES_MAX);
    if (!config_line_name(line, "listener's name", route.listen) ||
        !config_line_need(line, "path prefix", &prefix))
        return false;
    if (prefix->text[0] != '/')
        return config_line_fail(line, prefix, "a path prefix begins with '/'");
    if (prefix->len >= CONFIG_PREFIX_BYTES)
        return config_line_fail(line, prefix, "path prefix is longer than %d bytes",
                                CONFIG_PREFIX_BYTES - 1);
    memcpy(route.prefix, prefix->text, prefix->len);
    if (!config_line_name(line, "backend's name", route.backend))
        return false;
    for (uint32_t i = 0; i < config->routes_count; i++) {
        if (strcmp(config->routes[i].listen, route.listen) == 0 &&
            strcmp(config->routes[i].prefix, route.prefix) == 0)
            return config_line_fail(line, prefix, "there is a route for this prefix");
    }
    route.listen_place = (struct config_place){line->number, line->words[1].col};
    route.backend_place = (struct config_place){line->number, line->words[3].col};
    config->routes[config->routes_count++] = route;
    return true;
}

static void print_route(const struct config *config, struct config_out *out)
{
    for (uint32_t i = 0; i < config->routes_count; i++) {
        const struct config_route *route = &config->routes[i];
        config_put(out, "%sroute %s %s %s\n", out->indent, route->listen, route->prefix,
                   route->backend);
    }
}

/* In the order of canonical text. */
#define CONFIG_NUMBER_ROW(field, word, least, most, value) {word, parse_##field, print_##field},
static const struct {
    const char *word;
    parse_fn parse;
    print_fn print;
} directives[] = {
    CONFIG_NUMBERS(CONFIG_NUMBER_ROW)   /* workers, maxconn, ... */
    CONFIG_DURATIONS(CONFIG_NUMBER_ROW) /* hard-stop-after */
    {"timeout", parse_timeout, print_timeout},
    {"listen", config_parse_listen, config_print_listens},
    {"backend", config_parse_backend, config_print_backends},
    {"route", parse_route, print_route},
};
#undef CONFIG_NUMBER_ROW

/* --- the whole --- */

void config_init(struct config *config)
{
    memset(config, 0, sizeof(*config));
#define CONFIG_DEFAULT(field, word, least, most, value) config->field = value;
    CONFIG_NUMBERS(CONFIG_DEFAULT)
    CONFIG_DURATIONS(CONFIG_DEFAULT)
#undef CONFIG_DEFAULT
#define CONFIG_DEFAULT(field, word, value) config->timeout.field = value;
    CONFIG_TIMEOUTS(CONFIG_DEFAULT)
#undef CONFIG_DEFAULT
}

bool config_is_directive(const char *word, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(directives); i++) {
        if (len == strlen(directives[i].word) && memcmp(word, directives[i].word, len) == 0)
            return true;
    }
    return false;
}

static bool parse_words(struct config *config, struct config_line *line)
{
    const struct config_word *word = config_line_take(line);

    if (word == NULL)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(directives); i++) {
        if (config_word_is(word, directives[i].word))
            return directives[i].parse(config, line) && config_line_end(line);
    }
    return config_line_fail(line, word, "unknown directive '%.*s'",
                            (int)(word->len < 32 ? word->len : 32), word->text);
}

bool config_parse_line(struct config *config, const char *line, size_t len, const char *file,
                       unsigned line_number, unsigned col_first, struct config_error *err)
{
    struct config_line cut = {.text = line,
                              .len = len,
                              .file = file,
                              .number = line_number,
                              .col_first = col_first,
                              .err = err};

    return config_line_cut(&cut) && parse_words(config, &cut);
}

static bool finish_route(struct config *config, struct config_route *route, const char *file,
                         struct config_error *err)
{
    for (route->listen_index = 0; route->listen_index < config->listens_count;
         route->listen_index++) {
        if (strcmp(config->listens[route->listen_index].name, route->listen) == 0)
            break;
    }
    if (route->listen_index == config->listens_count)
        return config_fail(err, file, route->listen_place.line, route->listen_place.col, NULL, 0, 0,
                           "no listener is named '%s'", route->listen);
    if (config->listens[route->listen_index].kind == CONFIG_LISTEN_CONTROL)
        return config_fail(err, file, route->listen_place.line, route->listen_place.col, NULL, 0, 0,
                           "'%s' is a control listener: it has no routes", route->listen);
    for (route->backend_index = 0; route->backend_index < config->backends_count;
         route->backend_index++) {
        if (strcmp(config->backends[route->backend_index].name, route->backend) == 0)
            return true;
    }
    return config_fail(err, file, route->backend_place.line, route->backend_place.col, NULL, 0, 0,
                       "no backend is named '%s'", route->backend);
}

bool config_finish(struct config *config, const char *file, unsigned line_number,
                   struct config_error *err)
{
    for (uint32_t i = 0; i < config->routes_count; i++) {
        if (!finish_route(config, &config->routes[i], file, err))
            return false;
    }
    for (uint32_t i = 0; i < config->listens_count; i++) {
        const struct config_listen *listen = &config->listens[i];
        if (listen->has_worker && listen->worker >= config->workers)
            return config_fail(err, file, listen->place.line, listen->place.col, NULL, 0, 0,
                               "'%s' is for worker %u, and there are %u", listen->name,
                               listen->worker, config->workers);
    }
    if (config->listens_count == 0)
        return config_fail(err, file, line_number, 1, NULL, 0, 0, "nothing to listen on");
    if (config->backends_count == 0)
        return config_fail(err, file, line_number, 1, NULL, 0, 0, "no backend");
    /* Each worker has an epoll and an eventfd, and a connection that cannot be entered is no use.
     */
    if (config->fd_max < 2 * config->workers + config->listens_count + 8)
        return config_fail(err, file, line_number, 1, NULL, 0, 0,
                           "fd-max %u is too small for %u workers and %u listeners", config->fd_max,
                           config->workers, config->listens_count);
    return true;
}

/* `node NAME`, as the first words of a file. The rest of the block is indented. */
static bool parse_node(struct config *config, struct config_line *line)
{
    line->next = 1;
    return config_line_name(line, "node's name", config->node) && config_line_end(line);
}

static bool parse_file_line(struct config *config, struct config_line *line, bool *is_first)
{
    if (!config_line_cut(line))
        return false;
    if (line->words_count == 0)
        return true;
    bool is_node = config_word_is(&line->words[0], "node");
    if (*is_first && is_node) {
        *is_first = false;
        return parse_node(config, line);
    }
    *is_first = false;
    if (is_node)
        return config_line_fail(line, &line->words[0], "a second node: one file is one node");
    if (config->node[0] != '\0' && line->words[0].col == 1)
        return config_line_fail(line, &line->words[0], "outside the node's block: indent it");
    return parse_words(config, line);
}

/* The text of a line, for an error that was found after it was read. */
static void find_source(struct config_error *err, const char *text, size_t len, unsigned line_first)
{
    size_t at = 0;

    for (unsigned number = line_first; at < len; number++) {
        const char *lf = memchr(text + at, '\n', len - at);
        size_t end = lf != NULL ? (size_t)(lf - text) : len;
        if (number == err->line) {
            struct config_error copy = *err;
            (void)config_fail(err, copy.file, copy.line, copy.col, text + at, end - at, 1, "%s",
                              copy.message);
            return;
        }
        at = end + 1;
    }
}

bool config_parse(const char *text, size_t len, const char *file, unsigned line_first,
                  struct config *out, struct config_error *err)
{
    bool is_first = true;
    unsigned number = line_first;

    config_init(out);
    if (len == 0)
        return config_fail(err, file, 0, 0, NULL, 0, 0, "the file is empty");
    if (len > CONFIG_TEXT_BYTES_MAX)
        return config_fail(err, file, 0, 0, NULL, 0, 0, "the file is longer than %d bytes",
                           CONFIG_TEXT_BYTES_MAX);
    for (size_t at = 0; at < len; number++) {
        const char *lf = memchr(text + at, '\n', len - at);
        size_t end = lf != NULL ? (size_t)(lf - text) : len;
        struct config_line line = {.text = text + at,
                                   .len = end - at,
                                   .file = file,
                                   .number = number,
                                   .col_first = 1,
                                   .err = err};
        if (!parse_file_line(out, &line, &is_first))
            return false;
        at = end + 1;
    }
    if (config_finish(out, file, number > line_first ? number - 1 : number, err))
        return true;
    find_source(err, text, len, line_first);
    return false;
}

size_t config_print(const struct config *config, char *out, size_t size)
{
    struct config_out text = {out, size, 0, config->node[0] != '\0' ? "    " : ""};

    if (size > 0)
        out[0] = '\0';
    if (config->node[0] != '\0')
        config_put(&text, "node %s\n", config->node);
    for (size_t i = 0; i < ARRAY_LEN(directives); i++)
        directives[i].print(config, &text);
    return text.len;
}
