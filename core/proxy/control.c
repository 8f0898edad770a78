#include "core/proxy/control.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/net/addr.h"
#include "core/proxy/answer.h"
#include "core/proxy/exchange.h"
#include "core/proxy/proxy.h"
#include "core/rt/rt.h"

/* --- what can be read --- */

static size_t print(char out[CONTROL_LINE_BYTES], const char *format, ...) PRINTF_LIKE(2, 3);

static size_t print(char out[CONTROL_LINE_BYTES], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(out, CONTROL_LINE_BYTES, format, args);
    va_end(args);
    BUG_ON(len < 0 || len >= CONTROL_LINE_BYTES);
    return (size_t)len;
}

static size_t print_totals(struct proxy *proxy, char out[CONTROL_LINE_BYTES])
{
    const struct mux_env *env = &proxy->env;

    return print(out, "connects %llu\nreuses %llu\ntakeovers %llu\n",
                 (unsigned long long)atom_load(&env->connects),
                 (unsigned long long)atom_load(&env->reuses),
                 (unsigned long long)atom_load(&env->takeovers));
}

static size_t print_backend(const struct backend *backend, char out[CONTROL_LINE_BYTES])
{
    return print(out, "backend %s waiting %u queued %u withdrawn %u refused %u none %u\n",
                 backend->options.name, atom_load(&backend->queue_count),
                 atom_load(&backend->queued_total), atom_load(&backend->withdrawn_total),
                 atom_load(&backend->refused_total), atom_load(&backend->none_total));
}

static size_t print_server(const struct server *server, char out[CONTROL_LINE_BYTES])
{
    char text[ADDR_TEXT_BYTES];

    return print(out,
                 "server %s %u %s %s used %u idle %u safe %u requests %u requests-total %u "
                 "failed %u downs %u\n",
                 server->backend->options.name, server->index + 1,
                 addr_print(&server->options.addr, text),
                 server_state_name((enum server_state)atom_load(&server->state)),
                 atom_load(&server->conns_used), atom_load(&server->conns_idle),
                 atom_load(&server->conns_safe), atom_load(&server->served),
                 atom_load(&server->served_total), atom_load(&server->failed_total),
                 atom_load(&server->down_total));
}

size_t control_print_line(struct proxy *proxy, unsigned index, char out[CONTROL_LINE_BYTES])
{
    if (index == 0)
        return print_totals(proxy, out);
    index--;
    for (uint32_t i = 0; i < proxy->config->backends_count; i++) {
        const struct backend *backend = proxy->backends[i];
        if (index == 0)
            return print_backend(backend, out);
        index--;
        if (index < backend->servers_count)
            return print_server(&backend->servers[index], out);
        index -= backend->servers_count;
    }
    return 0;
}

/* --- what can be done --- */

/* A piece of a path up to the next '/', or the rest. */
struct piece {
    const char *text;
    size_t len;
};

static struct piece cut_piece(const char **text, size_t *len)
{
    const char *slash = memchr(*text, '/', *len);
    struct piece piece = {*text, slash != NULL ? (size_t)(slash - *text) : *len};
    size_t skip = slash != NULL ? piece.len + 1 : piece.len;

    *text += skip;
    *len -= skip;
    return piece;
}

static bool is_piece(struct piece piece, const char *text)
{
    return piece.len == strlen(text) && memcmp(piece.text, text, piece.len) == 0;
}

/* 1 to 99; 0: no such number. */
static unsigned read_number(struct piece piece)
{
    unsigned number = 0;

    if (piece.len == 0 || piece.len > 2)
        return 0;
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.text[i] < '0' || piece.text[i] > '9')
            return 0;
        number = number * 10 + (unsigned)(piece.text[i] - '0');
    }
    return number;
}

static struct server *find_server(struct proxy *proxy, struct piece name, struct piece number)
{
    unsigned n = read_number(number);

    for (uint32_t i = 0; i < proxy->config->backends_count; i++) {
        struct backend *backend = proxy->backends[i];
        if (is_piece(name, backend->options.name))
            return n >= 1 && n <= backend->servers_count ? &backend->servers[n - 1] : NULL;
    }
    return NULL;
}

static void ask_removal(struct exchange *exchange, struct server *server)
{
    struct proxy_worker *worker = &exchange->proxy->workers[worker_id()];

    exchange->answer.server = server;
    list_push_tail(&worker->removals, &exchange->answer.removal);
    task_wakeup(worker->removal_task, TASK_WOKEN_MSG);
}

static void act(struct exchange *exchange, const char *path, size_t len)
{
    struct piece name = cut_piece(&path, &len);
    struct piece number = cut_piece(&path, &len);
    struct server *server = find_server(exchange->proxy, name, number);
    struct piece action = {path, len};

    if (server == NULL)
        answer_begin(exchange, 404);
    else if (is_piece(action, "maintenance"))
        answer_begin(exchange, server_set_maintenance(server) ? 200 : 404);
    else if (is_piece(action, "ready"))
        answer_begin(exchange, server_set_ready(server) ? 200 : 404);
    else if (is_piece(action, "remove"))
        ask_removal(exchange, server);
    else
        answer_begin(exchange, 404);
}

void control_begin(struct exchange *exchange)
{
    static const char servers[] = "/servers/";
    const struct http_head *head = exchange->up.head;
    struct piece path = {http_head_text(head, head->path), head->path.len};
    struct piece method = {http_head_text(head, head->method_text), head->method_text.len};
    size_t skip = sizeof(servers) - 1;

    if (list_is_linked(&exchange->answer.removal))
        return; /* woken by something else meanwhile */
    bool is_read = head->method == HTTP_METHOD_GET || head->method == HTTP_METHOD_HEAD;
    if (is_piece(path, "/status") && is_read)
        answer_begin_list(exchange);
    else if (is_piece(path, "/status"))
        answer_begin(exchange, 405);
    else if (path.len < skip || memcmp(path.text, servers, skip) != 0)
        answer_begin(exchange, 404);
    else if (!is_piece(method, "POST"))
        answer_begin(exchange, 405);
    else
        act(exchange, path.text + skip, path.len - skip);
}

/* --- removals --- */

static unsigned status_of(int result)
{
    if (result == 0)
        return 200;
    return result == -ERR_NOT_FOUND ? 404 : 409;
}

static struct task *process_removal(struct task *task, void *ctx, uint32_t state)
{
    struct proxy_worker *worker = ctx;
    struct list *link;

    (void)state;
    while (worker != NULL && (link = list_pop_head(&worker->removals)) != NULL) {
        worker->removing = LIST_ENTRY(link, struct exchange, answer.removal);
        int result = server_remove(worker->removing->answer.server);
        /* Whoever was alone before us may have ended it. */
        if (worker->removing != NULL) {
            answer_begin(worker->removing, status_of(result));
            exchange_wake(worker->removing);
        }
        worker->removing = NULL;
    }
    return task;
}

void control_cancel(struct exchange *exchange)
{
    struct proxy_worker *worker = &exchange->proxy->workers[worker_id()];

    list_unlink(&exchange->answer.removal);
    if (worker->removing == exchange)
        worker->removing = NULL;
}

int control_init(struct proxy *proxy)
{
    for (uint32_t i = 0; i < proxy->config->workers; i++) {
        struct proxy_worker *worker = &proxy->workers[i];
        list_init(&worker->removals);
        worker->removal_task = task_new_on(proxy->rt, (int)i, process_removal, worker);
        if (worker->removal_task == NULL)
            return -ERR_MEMORY;
        task_set_expire(worker->removal_task, TIME_NEVER);
    }
    return 0;
}

void control_fini(struct proxy *proxy)
{
    for (uint32_t i = 0; i < proxy->config->workers; i++) {
        struct task *task = proxy->workers[i].removal_task;
        if (task == NULL)
            continue;
        task_set_ctx(task, NULL);
        task_kill(task);
        proxy->workers[i].removal_task = NULL;
    }
}
