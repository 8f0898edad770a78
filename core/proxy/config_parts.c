#include "core/proxy/config_parts.h"

#include <string.h>

#include "core/proxy/config.h"
#include "core/proxy/config_text.h"

/* --- words of a choice --- */

#define CONFIG_WORD(name, word) word,
static const char *const listen_words[] = {CONFIG_LISTEN_KINDS(CONFIG_WORD)};
static const char *const protocol_words[] = {CONFIG_PROTOCOLS(CONFIG_WORD)};
static const char *const balance_words[] = {CONFIG_BALANCES(CONFIG_WORD)};
static const char *const reuse_words[] = {CONFIG_REUSES(CONFIG_WORD)};
#undef CONFIG_WORD

#define CONFIG_LIST(name, word) " " word
static const char listen_list[] = CONFIG_LISTEN_KINDS(CONFIG_LIST);
static const char protocol_list[] = CONFIG_PROTOCOLS(CONFIG_LIST);
static const char balance_list[] = CONFIG_BALANCES(CONFIG_LIST);
static const char reuse_list[] = CONFIG_REUSES(CONFIG_LIST);
#undef CONFIG_LIST

/* `list` is for the error: " a b c". */
static bool parse_choice(struct config_line *line, const char *what, const char *const *words,
                         unsigned words_count, const char *list, unsigned *out)
{
    const struct config_word *word;

    if (!config_line_need(line, what, &word))
        return false;
    for (*out = 0; *out < words_count; (*out)++) {
        if (config_word_is(word, words[*out]))
            return true;
    }
    return config_line_fail(line, word, "unknown %s; there are%s", what, list);
}

static bool parse_path(struct config_line *line, const char *what, char out[CONFIG_PATH_BYTES])
{
    const struct config_word *word;

    if (!config_line_need(line, what, &word))
        return false;
    if (word->len >= CONFIG_PATH_BYTES)
        return config_line_fail(line, word, "%s is longer than %d bytes", what,
                                CONFIG_PATH_BYTES - 1);
    memset(out, 0, CONFIG_PATH_BYTES);
    memcpy(out, word->text, word->len);
    return true;
}

/* Names are shared by listeners and backends: what a story calls "fe" is one thing. */
static bool check_new_name(const struct config *config, struct config_line *line, const char *name)
{
    for (uint32_t i = 0; i < config->listens_count; i++) {
        if (strcmp(config->listens[i].name, name) == 0)
            return config_line_fail(line, &line->words[1], "the name '%s' is taken", name);
    }
    for (uint32_t i = 0; i < config->backends_count; i++) {
        if (strcmp(config->backends[i].name, name) == 0)
            return config_line_fail(line, &line->words[1], "the name '%s' is taken", name);
    }
    return true;
}

/* --- listen --- */

/* "100/1s" */
static bool parse_rate(struct config_line *line, struct config_listen *listen)
{
    const struct config_word *word;
    uint64_t count = 0;

    if (!config_line_need(line, "accept-rate", &word))
        return false;
    const char *slash = memchr(word->text, '/', word->len);
    size_t digits = slash != NULL ? (size_t)(slash - word->text) : 0;
    bool is_good = digits > 0 && digits < 8;
    for (size_t i = 0; is_good && i < digits; i++) {
        is_good = word->text[i] >= '0' && word->text[i] <= '9';
        count = count * 10 + (uint64_t)(word->text[i] - '0');
    }
    if (!is_good || count == 0 || count > 1000000 ||
        !config_duration_parse(slash + 1, word->len - digits - 1, &listen->rate_period_ns) ||
        listen->rate_period_ns == 0)
        return config_line_fail(line, word, "accept-rate is COUNT/DURATION, as 100/1s");
    listen->rate_count = (uint32_t)count;
    return true;
}

static bool parse_listen_tls(struct config_line *line, struct config_listen *listen)
{
    if (listen->kind == CONFIG_LISTEN_CONTROL)
        return config_line_fail(line, &line->words[line->next - 1],
                                "a control listener has no TLS");
    return parse_path(line, "certificate file", listen->certificate) &&
           parse_path(line, "key file", listen->key);
}

static bool parse_listen_options(struct config_line *line, struct config_listen *listen)
{
    const struct config_word *word;

    while ((word = config_line_take(line)) != NULL) {
        bool is_good;
        bool is_again = false;
        if (config_word_is(word, "tls")) {
            is_again = listen->certificate[0] != '\0';
            is_good = parse_listen_tls(line, listen);
        } else if (config_word_is(word, "maxconn")) {
            is_again = listen->maxconn != 0;
            is_good = config_line_number(line, "maxconn", 1, 1000000, &listen->maxconn);
        } else if (config_word_is(word, "backlog")) {
            is_again = listen->backlog != 0;
            is_good = config_line_number(line, "backlog", 1, 65535, &listen->backlog);
        } else if (config_word_is(word, "worker")) {
            is_again = listen->has_worker;
            listen->has_worker = true;
            is_good = config_line_number(line, "worker", 0, 63, &listen->worker);
        } else if (config_word_is(word, "accept-rate")) {
            is_again = listen->rate_count != 0;
            is_good = parse_rate(line, listen);
        } else {
            return config_line_fail(
                line, word, "unknown option; there are tls maxconn backlog accept-rate worker");
        }
        if (!is_good)
            return false;
        if (is_again)
            return config_line_fail(line, word, "this was already set");
    }
    return true;
}

bool config_parse_listen(struct config *config, struct config_line *line)
{
    struct config_listen listen = {0};
    unsigned kind;

    if (config->listens_count == CONFIG_LISTENERS_MAX)
        return config_line_fail(line, &line->words[0], "more than %d listeners",
                                CONFIG_LISTENERS_MAX);
    if (!config_line_name(line, "listener's name", listen.name) ||
        !check_new_name(config, line, listen.name) || !config_line_addr(line, &listen.addr))
        return false;
    for (uint32_t i = 0; i < config->listens_count; i++) {
        if (addr_is_same(&config->listens[i].addr, &listen.addr))
            return config_line_fail(line, &line->words[2], "'%s' listens on this address",
                                    config->listens[i].name);
    }
    if (!parse_choice(line, "protocol", listen_words, ARRAY_LEN(listen_words), listen_list, &kind))
        return false;
    listen.kind = (enum config_listen_kind)kind;
    if (!parse_listen_options(line, &listen))
        return false;
    listen.place = (struct config_place){line->number, line->words[1].col};
    config->listens[config->listens_count++] = listen;
    return true;
}

void config_print_listens(const struct config *config, struct config_out *out)
{
    char text[ADDR_TEXT_BYTES];

    for (uint32_t i = 0; i < config->listens_count; i++) {
        const struct config_listen *listen = &config->listens[i];
        config_put(out, "%slisten %s %s %s", out->indent, listen->name,
                   addr_print(&listen->addr, text), listen_words[listen->kind]);
        if (listen->certificate[0] != '\0')
            config_put(out, " tls %s %s", listen->certificate, listen->key);
        if (listen->maxconn != 0)
            config_put(out, " maxconn %u", listen->maxconn);
        if (listen->backlog != 0)
            config_put(out, " backlog %u", listen->backlog);
        if (listen->rate_count != 0) {
            char period[24];
            (void)config_duration_print(listen->rate_period_ns, period);
            config_put(out, " accept-rate %u/%s", listen->rate_count, period);
        }
        if (listen->has_worker)
            config_put(out, " worker %u", listen->worker);
        config_put(out, "\n");
    }
}

/* --- backend: its options, each how it is read and printed --- */

typedef bool (*parse_fn)(struct config_line *line, struct config_backend *backend);
typedef void (*print_fn)(const struct config_backend *backend, struct config_out *out);

enum { PART_TLS, PART_VERIFY, PART_SNI, PART_FALL, PART_LIMIT, PART_ROOT, PART_NONE };

static bool parse_tls(struct config_line *line, struct config_backend *backend)
{
    if (backend->protocol == CONFIG_FCGI)
        return config_line_fail(line, &line->words[line->next - 1], "fcgi has no TLS");
    backend->has_tls = true;
    return true;
}

static void print_tls(const struct config_backend *backend, struct config_out *out)
{
    (void)backend;
    (void)out;
}

static bool parse_verify(struct config_line *line, struct config_backend *backend)
{
    return parse_path(line, "file of those who may sign", backend->trust);
}

static void print_verify(const struct config_backend *backend, struct config_out *out)
{
    config_put(out, " %s", backend->trust);
}

static bool parse_sni(struct config_line *line, struct config_backend *backend)
{
    const struct config_word *word;

    if (!config_line_need(line, "server's name", &word))
        return false;
    if (word->len >= CONFIG_SNI_BYTES)
        return config_line_fail(line, word, "server's name is longer than %d bytes",
                                CONFIG_SNI_BYTES - 1);
    memcpy(backend->sni, word->text, word->len);
    return true;
}

static void print_sni(const struct config_backend *backend, struct config_out *out)
{
    config_put(out, " %s", backend->sni);
}

static bool parse_balance(struct config_line *line, struct config_backend *backend)
{
    unsigned choice;

    if (!parse_choice(line, "balance", balance_words, ARRAY_LEN(balance_words), balance_list,
                      &choice))
        return false;
    backend->balance = (enum config_balance)choice;
    return true;
}

static void print_balance(const struct config_backend *backend, struct config_out *out)
{
    config_put(out, " %s", balance_words[backend->balance]);
}

static bool parse_reuse(struct config_line *line, struct config_backend *backend)
{
    unsigned choice;

    if (!parse_choice(line, "reuse policy", reuse_words, ARRAY_LEN(reuse_words), reuse_list,
                      &choice))
        return false;
    backend->reuse = (enum config_reuse)choice;
    return true;
}

static void print_reuse(const struct config_backend *backend, struct config_out *out)
{
    config_put(out, " %s", reuse_words[backend->reuse]);
}

#define CONFIG_NUMBER_PART(field, what, least, most)                                               \
    static bool parse_##field(struct config_line *line, struct config_backend *backend)            \
    {                                                                                              \
        return config_line_number(line, what, least, most, &backend->field);                       \
    }                                                                                              \
    static void print_##field(const struct config_backend *backend, struct config_out *out)        \
    {                                                                                              \
        config_put(out, " %u", backend->field);                                                    \
    }
CONFIG_NUMBER_PART(limit, "limit", 1, 1000000)
CONFIG_NUMBER_PART(queue, "queue", 0, 1000000)
CONFIG_NUMBER_PART(idle_max, "idle-max", 0, 1000000)
CONFIG_NUMBER_PART(fall, "fall", 1, 1000000)
#undef CONFIG_NUMBER_PART

#define CONFIG_DURATION_PART(field, what)                                                          \
    static bool parse_##field(struct config_line *line, struct config_backend *backend)            \
    {                                                                                              \
        return config_line_duration(line, what, &backend->field);                                  \
    }                                                                                              \
    static void print_##field(const struct config_backend *backend, struct config_out *out)        \
    {                                                                                              \
        char text[24];                                                                             \
        (void)config_duration_print(backend->field, text);                                         \
        config_put(out, " %s", text);                                                              \
    }
CONFIG_DURATION_PART(down_ns, "down")
CONFIG_DURATION_PART(purge_ns, "purge")
#undef CONFIG_DURATION_PART

static bool parse_root(struct config_line *line, struct config_backend *backend)
{
    const struct config_word *word = config_line_peek(line);

    if (word != NULL && word->text[0] != '/')
        return config_line_fail(line, word, "root is a path from '/'");
    return parse_path(line, "root", backend->root);
}

static void print_root(const struct config_backend *backend, struct config_out *out)
{
    config_put(out, " %s", backend->root);
}

static bool parse_index(struct config_line *line, struct config_backend *backend)
{
    const struct config_word *word;

    if (!config_line_need(line, "index", &word))
        return false;
    if (word->len >= CONFIG_INDEX_BYTES || memchr(word->text, '/', word->len) != NULL)
        return config_line_fail(line, word, "index is a file's name of at most %d bytes",
                                CONFIG_INDEX_BYTES - 1);
    memcpy(backend->index, word->text, word->len);
    return true;
}

static void print_index(const struct config_backend *backend, struct config_out *out)
{
    config_put(out, " %s", backend->index);
}

/* In the order of canonical text. `needs`: an option that must stand before this one. */
static const struct {
    const char *word;
    parse_fn parse;
    print_fn print;
    unsigned needs;
    bool is_fcgi;
} parts[] = {
    [PART_TLS] = {"tls", parse_tls, print_tls, PART_NONE, false},
    [PART_VERIFY] = {"verify", parse_verify, print_verify, PART_TLS, false},
    [PART_SNI] = {"sni", parse_sni, print_sni, PART_TLS, false},
    [PART_FALL] = {"fall", parse_fall, print_fall, PART_NONE, false},
    [PART_LIMIT] = {"limit", parse_limit, print_limit, PART_NONE, false},
    [PART_ROOT] = {"root", parse_root, print_root, PART_NONE, true},
    {"index", parse_index, print_index, PART_ROOT, true},
    {"down", parse_down_ns, print_down_ns, PART_FALL, false},
    {"queue", parse_queue, print_queue, PART_LIMIT, false},
    {"idle-max", parse_idle_max, print_idle_max, PART_NONE, false},
    {"purge", parse_purge_ns, print_purge_ns, PART_NONE, false},
    {"balance", parse_balance, print_balance, PART_NONE, false},
    {"reuse", parse_reuse, print_reuse, PART_NONE, false},
};

static bool parse_part(struct config_line *line, struct config_backend *backend)
{
    const struct config_word *word = config_line_take(line);

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!config_word_is(word, parts[i].word))
            continue;
        if (backend->set >> i & 1)
            return config_line_fail(line, word, "this was already set");
        if (parts[i].needs != PART_NONE && (backend->set >> parts[i].needs & 1) == 0)
            return config_line_fail(line, word, "'%s' means nothing without '%s' before it",
                                    parts[i].word, parts[parts[i].needs].word);
        if (parts[i].is_fcgi && backend->protocol != CONFIG_FCGI)
            return config_line_fail(line, word, "'%s' is for fcgi", parts[i].word);
        backend->set |= 1U << i;
        return parts[i].parse(line, backend);
    }
    return config_line_fail(line, word,
                            "unknown option; there are tls verify sni fall limit root index down "
                            "queue idle-max purge balance reuse");
}

/* A server's address: a protocol's name has no colon. */
static bool is_address(const struct config_word *word)
{
    return word != NULL && memchr(word->text, ':', word->len) != NULL;
}

static bool parse_servers(struct config_line *line, struct config_backend *backend)
{
    do {
        if (backend->servers_count == CONFIG_SERVERS_MAX)
            return config_line_fail(line, config_line_peek(line), "more than %d servers",
                                    CONFIG_SERVERS_MAX);
        if (!config_line_addr(line, &backend->servers[backend->servers_count]))
            return false;
        for (uint32_t i = 0; i < backend->servers_count; i++) {
            if (addr_is_same(&backend->servers[i], &backend->servers[backend->servers_count]))
                return config_line_fail(line, &line->words[line->next - 1],
                                        "this server is there already");
        }
        backend->servers_count++;
    } while (is_address(config_line_peek(line)));
    return true;
}

bool config_parse_backend(struct config *config, struct config_line *line)
{
    struct config_backend backend = {
        .reuse = CONFIG_REUSE_SAFE,
        .queue = CONFIG_QUEUE_DEFAULT,
        .idle_max = UINT32_MAX,
        .down_ns = CONFIG_DOWN_NS_DEFAULT,
        .purge_ns = CONFIG_PURGE_NS_DEFAULT,
    };
    unsigned protocol;

    if (config->backends_count == CONFIG_BACKENDS_MAX)
        return config_line_fail(line, &line->words[0], "more than %d backends",
                                CONFIG_BACKENDS_MAX);
    if (!config_line_name(line, "backend's name", backend.name) ||
        !check_new_name(config, line, backend.name) || !parse_servers(line, &backend) ||
        !parse_choice(line, "protocol", protocol_words, ARRAY_LEN(protocol_words), protocol_list,
                      &protocol))
        return false;
    backend.protocol = (enum config_protocol)protocol;
    while (config_line_peek(line) != NULL) {
        if (!parse_part(line, &backend))
            return false;
    }
    backend.place = (struct config_place){line->number, line->words[1].col};
    config->backends[config->backends_count++] = backend;
    return true;
}

void config_print_backends(const struct config *config, struct config_out *out)
{
    char text[ADDR_TEXT_BYTES];

    for (uint32_t i = 0; i < config->backends_count; i++) {
        const struct config_backend *backend = &config->backends[i];
        config_put(out, "%sbackend %s", out->indent, backend->name);
        for (uint32_t k = 0; k < backend->servers_count; k++)
            config_put(out, " %s", addr_print(&backend->servers[k], text));
        config_put(out, " %s", protocol_words[backend->protocol]);
        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            if ((backend->set >> k & 1) == 0)
                continue;
            config_put(out, " %s", parts[k].word);
            parts[k].print(backend, out);
        }
        config_put(out, "\n");
    }
}
