#include "core/mux/testing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "core/base/err.h"
#include "core/mux/testing_exchange.h"
#include "core/net/conn.h"
#include "core/rt/rt.h"
#include "core/rt/run.h"

enum { FD_MAX = 1024, QUIET_ROUNDS = 3, READ_BYTES = 65536, TESTING_MUX_BYTES = 16384 };

/* --- workers --- */

static void leave(struct testing *testing)
{
    isolate_idle_begin(worker_self());
    worker_adopt(NULL);
    (void)testing;
}

static void enter(struct testing *testing, int index)
{
    struct worker *worker = worker_at(testing->rt, index);

    worker_adopt(worker);
    worker->now_ns = testing->now_ns;
    isolate_idle_end(worker);
    testing->worker = index;
}

void testing_on(struct testing *testing, int index)
{
    leave(testing);
    enter(testing, index);
}

/* What worker_loop() does, but for signals, sleep and stop. */
static bool turn(struct testing *testing, int index)
{
    testing_on(testing, index);
    struct worker *worker = worker_self();
    worker->turn++;
    timers_wake_expired(worker);
    bool has_work = run_has_work(worker);
    run_tasks(worker);
    poller_poll(worker, 0);
    return has_work || run_has_work(worker);
}

/* --- peers --- */

static void keep(struct testing_peer *peer, const char *data, size_t len)
{
    peer->heard_bytes += len;
    if (peer->is_counting)
        return;
    if (peer->len + len + 1 > peer->size) {
        peer->size = (peer->len + len + 1) * 2;
        peer->text = realloc(peer->text, peer->size);
        BUG_ON(peer->text == NULL);
    }
    memcpy(peer->text + peer->len, data, len);
    peer->len += len;
    peer->text[peer->len] = '\0';
}

static bool hear(struct testing_peer *peer)
{
    char data[READ_BYTES];
    bool has_moved = false;

    while (peer->fd >= 0 && !peer->is_deaf && !peer->is_ended && !peer->is_reset) {
        ssize_t got = recv(peer->fd, data, sizeof(data), MSG_DONTWAIT);
        if (got > 0)
            keep(peer, data, (size_t)got);
        else if (got == 0)
            peer->is_ended = true;
        else if (errno == EAGAIN)
            break;
        else
            peer->is_reset = true;
        has_moved = true;
    }
    return has_moved;
}

const char *testing_heard(struct testing_peer *peer)
{
    (void)hear(peer);
    if (peer->text == NULL)
        return "";
    peer->text[peer->len] = '\0';
    peer->len = 0;
    return peer->text;
}

void testing_say_bytes(struct testing_peer *peer, const void *data, size_t len)
{
    BUG_ON(testing_try_say(peer, data, len) != len);
}

void testing_say(struct testing_peer *peer, const char *text)
{
    testing_say_bytes(peer, text, strlen(text));
}

size_t testing_try_say(struct testing_peer *peer, const void *data, size_t len)
{
    ssize_t sent = send(peer->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    return sent > 0 ? (size_t)sent : 0;
}

void testing_end_of_say(struct testing_peer *peer)
{
    (void)shutdown(peer->fd, SHUT_WR);
}

void testing_close(struct testing_peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
}

void testing_reset(struct testing_peer *peer)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    BUG_ON(setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) != 0);
    testing_close(peer);
}

static void set_sizes(const struct testing *testing, int fd)
{
    int size = (int)testing->options.kernel_bytes;
    int on = 1;

    BUG_ON(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0);
    if (size == 0)
        return;
    BUG_ON(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) != 0);
    BUG_ON(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) != 0);
}

struct conn *testing_connect(struct testing *testing, struct testing_peer *peer)
{
    struct sockaddr_storage to;
    socklen_t len = sizeof(to);
    struct addr addr;

    BUG_ON(testing->peers_count == ARRAY_LEN(testing->peers));
    BUG_ON(getsockname(testing->listen_fd, (struct sockaddr *)&to, &len) != 0);
    memset(peer, 0, sizeof(*peer));
    peer->testing = testing;
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BUG_ON(peer->fd < 0);
    set_sizes(testing, peer->fd);
    BUG_ON(connect(peer->fd, (struct sockaddr *)&to, len) != 0);
    int fd = accept4(testing->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    BUG_ON(fd < 0 || !addr_from_socket(&addr, &to));
    set_sizes(testing, fd);
    testing->peers[testing->peers_count++] = peer;
    struct conn *conn = conn_new(testing->rt, &testing->conns, fd, NULL, &addr);
    BUG_ON(conn == NULL);
    return conn;
}

/* --- running --- */

void testing_run(struct testing *testing)
{
    int before = testing->worker;

    for (int quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
        for (unsigned i = 0; i < testing->options.workers; i++) {
            if (turn(testing, (int)i))
                quiet = 0;
        }
        for (unsigned i = 0; i < testing->peers_count; i++) {
            if (hear(testing->peers[i]))
                quiet = 0;
        }
        if (testing_exchanges_pump(testing))
            quiet = 0;
    }
    testing_on(testing, before);
}

void testing_pass(struct testing *testing, uint64_t delay_ns)
{
    testing->now_ns += delay_ns;
    testing_on(testing, testing->worker);
    testing_run(testing);
}

/* --- the host --- */

static struct stream *begin(struct mux *front, struct http_head *head)
{
    struct testing *testing = front->env->host_ctx;

    if (testing->is_refusing)
        return NULL;
    struct testing_exchange *exchange = testing_exchange_new(testing);
    exchange->is_holding = testing->is_holding;
    BUG_ON(testing->begun_count == ARRAY_LEN(testing->begun));
    testing->begun[testing->begun_count++] = exchange;
    channel_put_head(&exchange->recv, head);
    return &exchange->stream;
}

static void end(struct mux *front)
{
    struct testing *testing = front->env->host_ctx;

    testing->ended_count++;
    conn_free(front->conn);
}

struct testing_exchange *testing_begun(struct testing *testing, unsigned index)
{
    return index < testing->begun_count ? testing->begun[index] : NULL;
}

/* --- life --- */

static void init_env(struct testing *testing)
{
    struct mux_env *env = &testing->env;
    const struct testing_options *options = &testing->options;
    static const char *const names[] = {"h1.front", "h1.back", "h2", "fcgi"};

    env->rt = testing->rt;
    buffers_init(&env->buffers, options->buffer_bytes, options->buffers, options->workers);
    pool_init(&env->heads, "head", http_head_size(options->text_bytes), 1 << 16);
    env->head_text_bytes = options->text_bytes;
    for (size_t i = 0; i < ARRAY_LEN(env->muxes); i++)
        pool_init(&env->muxes[i], names[i], TESTING_MUX_BYTES, 1 << 16);
    pool_init(&env->streams, "stream", MUX_STREAM_BYTES_MAX, 1 << 16);
    pool_init(&testing->conns, "conn", sizeof(struct conn), 1 << 16);
    env->conns = &testing->conns;
    env->streams_max = options->streams_max;
    /* All different, so that a test sees which one it was. */
    env->timeouts = (struct mux_timeouts){
        .client_ns = UINT64_C(11000000000),
        .server_ns = UINT64_C(12000000000),
        .connect_ns = UINT64_C(3000000000),
        .request_ns = UINT64_C(5000000000),
        .keep_alive_ns = UINT64_C(7000000000),
        .idle_ns = UINT64_C(60000000000),
        .linger_ns = UINT64_C(1000000000),
    };
    env->host = (struct mux_host){.begin = begin, .end = end};
    env->host_ctx = testing;
}

static void init_listener(struct testing *testing)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    testing->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BUG_ON(testing->listen_fd < 0);
    if (testing->options.kernel_bytes != 0)
        set_sizes(testing, testing->listen_fd);
    BUG_ON(bind(testing->listen_fd, (struct sockaddr *)&at, sizeof(at)) != 0);
    BUG_ON(listen(testing->listen_fd, 128) != 0);
}

/* One server, whose address is that of the listener; testing_connect() makes its connections. */
static void init_server(struct testing *testing)
{
    struct backend_options options = {.name = "app", .balance = BACKEND_ROUNDROBIN};
    struct server_options server = {
        .name = "one", .idle_max = UINT32_MAX, .reuse = SERVER_REUSE_ALWAYS};

    BUG_ON(!addr_parse(&server.addr, "127.0.0.1:1", 11));
    BUG_ON(idle_set_init(&testing->set, testing->rt, testing->options.workers) != 0);
    BUG_ON(backend_init(&testing->backend, &testing->set, &options) != 0);
    BUG_ON(backend_add_server(&testing->backend, &server) != 0);
    testing->server = &testing->backend.servers[0];
}

static void fill_options(struct testing_options *options)
{
    if (options->workers == 0)
        options->workers = 1;
    if (options->buffer_bytes == 0)
        options->buffer_bytes = 4096;
    if (options->buffers == 0)
        options->buffers = 64;
    if (options->text_bytes == 0)
        options->text_bytes = 4096;
    if (options->streams_max == 0)
        options->streams_max = 100;
}

void testing_init(struct testing *testing, const struct testing_options *options)
{
    struct rt_config config = {.fd_max = FD_MAX};

    memset(testing, 0, sizeof(*testing));
    testing->options = *options;
    fill_options(&testing->options);
    config.workers = testing->options.workers;
    BUG_ON(rt_new(&config, &testing->rt) != 0);
    testing->now_ns = UINT64_C(1000000000000);
    uint64_t all = UINT64_MAX >> (WORKERS_MAX - config.workers);
    atom_store(&testing->rt->isolate.idle, all);
    atom_store(&testing->rt->isolate.enabled, all);
    enter(testing, 0);
    list_init(&testing->exchanges);
    init_env(testing);
    init_listener(testing);
    init_server(testing);
}

void testing_fini(struct testing *testing)
{
    for (unsigned i = 0; i < testing->peers_count; i++)
        testing_close(testing->peers[i]);
    testing_run(testing);
    testing_exchanges_end(testing);
    testing_run(testing);
    for (unsigned i = 0; i < testing->peers_count; i++)
        free(testing->peers[i]->text);
    close(testing->listen_fd);
    buffers_check(&testing->env.buffers, true);
    idle_check(&testing->set, testing->server, true);
    backend_fini(&testing->backend);
    idle_set_fini(&testing->set);
    buffers_fini(&testing->env.buffers);
    pool_fini(&testing->env.heads);
    for (size_t i = 0; i < ARRAY_LEN(testing->env.muxes); i++)
        pool_fini(&testing->env.muxes[i]);
    pool_fini(&testing->env.streams);
    pool_fini(&testing->conns);
    leave(testing);
    rt_free(testing->rt);
}
