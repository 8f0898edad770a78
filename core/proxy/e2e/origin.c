/*
 * core/proxy/e2e/origin.c - a small origin server for tests: origin PORT NAME.
 *
 * One thread, one epoll; persistent connections; memory as needed, because it is for tests.
 *
 *     /size/N      N patterned bytes with Content-Length
 *     /chunked/N   the same in chunks
 *     /close/N     the same, ended by closing
 *     /stream/N    N patterned bytes, made as they are sent
 *     /echo        the body of the request
 *     /count       how many bytes the body of the request had, and a sum of them; it is not kept
 *     /bad         what is no response            /cut/N   half of N bytes, then a close
 *     /never       nothing at all                 else     the name
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/http/h1.h"
#include "core/http/h1_body.h"

enum { STREAM_STEP = 65536 };

struct bytes {
    char *data;
    size_t len;
    size_t size;
};

struct client {
    int fd;
    bool is_closing; /* when `out` is sent */
    bool has_head;
    struct h1_head head;
    struct h1_body body;
    struct bytes in;
    struct bytes payload;
    struct bytes out;
    size_t sent;
    size_t stream_at; /* of a /stream/ that is on its way */
    size_t stream_end;
    bool is_counting;
    size_t counted;
    uint32_t sum;
};

static int epoll_fd;
static const char *own_name;

static void add(struct bytes *bytes, const void *data, size_t len)
{
    if (bytes->len + len > bytes->size) {
        bytes->size = 2 * (bytes->len + len);
        char *data_new = realloc(bytes->data, bytes->size);
        if (data_new == NULL)
            abort();
        bytes->data = data_new;
    }
    if (len > 0)
        memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

static void add_text(struct bytes *bytes, const char *text)
{
    add(bytes, text, strlen(text));
}

static void drop(struct bytes *bytes, size_t len)
{
    bytes->len -= len;
    if (bytes->len > 0)
        memmove(bytes->data, bytes->data + len, bytes->len);
}

/* The client helper knows the same pattern. */
static void add_pattern(struct bytes *bytes, size_t from, size_t len)
{
    for (size_t i = from; i < from + len; i++) {
        char c = (char)('!' + (i * 7 + i / 64) % 90);
        add(bytes, &c, 1);
    }
}

static void add_chunks(struct bytes *bytes, size_t len)
{
    size_t step = 1;

    for (size_t at = 0; at < len; at += step) {
        char size[32];
        step = len - at < 1 + at % 5000 ? len - at : 1 + at % 5000;
        (void)snprintf(size, sizeof(size), "%zx;n=v\r\n", step);
        add_text(bytes, size);
        add_pattern(bytes, at, step);
        add_text(bytes, "\r\n");
    }
    add_text(bytes, "0\r\nX-Trailer: t\r\n\r\n");
}

static bool has_prefix(const char *path, const char *prefix, size_t *number)
{
    size_t len = strlen(prefix);

    if (strncmp(path, prefix, len) != 0)
        return false;
    *number = strtoul(path + len, NULL, 10);
    return true;
}

static void add_head(struct client *client, const char *framing, size_t len)
{
    char text[256];

    if (framing[0] == 'l')
        (void)snprintf(text, sizeof(text),
                       "HTTP/1.1 200 OK\r\nX-Origin: %s\r\nContent-Length: %zu\r\n", own_name, len);
    else
        (void)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nX-Origin: %s\r\n%s", own_name,
                       framing[0] == 'c' ? "Transfer-Encoding: chunked\r\n" : "");
    add_text(&client->out, text);
    if (!client->head.is_keepalive || framing[0] == 'e')
        add_text(&client->out, "Connection: close\r\n");
    add_text(&client->out, "\r\n");
    client->is_closing = !client->head.is_keepalive || framing[0] == 'e';
}

static void respond(struct client *client)
{
    char path[256];
    struct h1_slice target = client->head.path;
    size_t n = 0;
    bool is_to_head = client->head.method == H1_METHOD_HEAD;

    (void)snprintf(path, sizeof(path), "%.*s", (int)target.len, client->in.data + target.at);
    if (has_prefix(path, "/size/", &n)) {
        add_head(client, "length", n);
        if (!is_to_head)
            add_pattern(&client->out, 0, n);
    } else if (has_prefix(path, "/chunked/", &n)) {
        add_head(client, "chunked", 0);
        if (!is_to_head)
            add_chunks(&client->out, n);
    } else if (has_prefix(path, "/close/", &n)) {
        add_head(client, "end", 0);
        if (!is_to_head)
            add_pattern(&client->out, 0, n);
    } else if (has_prefix(path, "/cut/", &n)) {
        add_head(client, "length", n);
        add_pattern(&client->out, 0, n / 2);
        client->is_closing = true;
    } else if (has_prefix(path, "/stream/", &n)) {
        add_head(client, "length", n);
        client->stream_at = 0;
        client->stream_end = is_to_head ? 0 : n;
    } else if (client->is_counting) {
        (void)snprintf(path, sizeof(path), "%zu %u\n", client->counted, client->sum);
        add_head(client, "length", strlen(path));
        add_text(&client->out, path);
    } else if (has_prefix(path, "/echo", &n)) {
        add_head(client, "length", client->payload.len);
        add(&client->out, client->payload.data, client->payload.len);
    } else if (has_prefix(path, "/bad", &n)) {
        add_text(&client->out, "this is no response\r\n\r\n");
        client->is_closing = true;
    } else if (!has_prefix(path, "/never", &n)) {
        add_head(client, "length", strlen(own_name));
        if (!is_to_head)
            add_text(&client->out, own_name);
    }
}

/* The sum depends on the order: h = 31 h + byte. */
static void take_payload(struct client *client, const char *data, size_t len)
{
    if (!client->is_counting) {
        add(&client->payload, data, len);
        return;
    }
    client->counted += len;
    for (size_t i = 0; i < len; i++)
        client->sum = client->sum * 31 + (unsigned char)data[i];
}

/* Takes what it can from `in`; false when the connection is of no more use. */
static bool advance(struct client *client)
{
    for (;;) {
        if (!client->has_head) {
            enum h1_progress progress =
                h1_head_parse(&client->head, client->in.data, client->in.len, 65536);
            if (progress == H1_FAILED)
                return false;
            if (progress == H1_MORE)
                return true;
            client->has_head = true;
            client->payload.len = 0;
            client->counted = 0;
            client->sum = 0;
            client->is_counting = client->head.path.len == 6 &&
                                  memcmp(client->in.data + client->head.path.at, "/count", 6) == 0;
            h1_body_init(&client->body, &client->head);
            if (client->head.has_expect)
                add_text(&client->out, "HTTP/1.1 100 Continue\r\n\r\n");
        }
        size_t at = client->head.head_bytes;
        bool is_payload;
        size_t took;
        while (at < client->in.len && (took = h1_body_step(&client->body, client->in.data + at,
                                                           client->in.len - at, &is_payload)) > 0) {
            if (is_payload)
                take_payload(client, client->in.data + at, took);
            at += took;
        }
        if (client->body.error != H1_OK)
            return false;
        if (!h1_body_is_done(&client->body)) {
            /* Keep the head: its slices point there. */
            size_t body_len = at - client->head.head_bytes;
            memmove(client->in.data + client->head.head_bytes, client->in.data + at,
                    client->in.len - at);
            client->in.len -= body_len;
            return true;
        }
        respond(client);
        drop(&client->in, at);
        client->has_head = false;
        h1_head_init_request(&client->head);
    }
}

static void watch(struct client *client, uint32_t events, int op)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    (void)epoll_ctl(epoll_fd, op, client->fd, &event);
}

static void end(struct client *client)
{
    (void)close(client->fd);
    free(client->in.data);
    free(client->payload.data);
    free(client->out.data);
    free(client);
}

/* More of a /stream/, once what was made is sent. */
static void make_stream(struct client *client)
{
    size_t left = client->stream_end - client->stream_at;
    size_t len = left < STREAM_STEP ? left : STREAM_STEP;

    if (client->sent < client->out.len || len == 0)
        return;
    client->out.len = 0;
    client->sent = 0;
    add_pattern(&client->out, client->stream_at, len);
    client->stream_at += len;
}

static bool flush(struct client *client)
{
    while (make_stream(client), client->sent < client->out.len) {
        ssize_t n = send(client->fd, client->out.data + client->sent,
                         client->out.len - client->sent, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN;
        client->sent += (size_t)n;
    }
    client->out.len = 0;
    client->sent = 0;
    return !client->is_closing;
}

static void serve(struct client *client)
{
    char data[65536];
    ssize_t n;

    while ((n = recv(client->fd, data, sizeof(data), 0)) > 0) {
        add(&client->in, data, (size_t)n);
        if (!advance(client)) {
            end(client);
            return;
        }
    }
    if ((n < 0 && errno != EAGAIN) || !flush(client) || (n == 0 && client->out.len == 0)) {
        end(client);
        return;
    }
    watch(client,
          (n == 0 ? 0U : (uint32_t)EPOLLIN) | (client->out.len > 0 ? (uint32_t)EPOLLOUT : 0U),
          EPOLL_CTL_MOD);
}

static void accept_all(int listen_fd)
{
    int on = 1;
    int fd;

    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = calloc(1, sizeof(*client));
        if (client == NULL)
            abort();
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        client->fd = fd;
        h1_head_init_request(&client->head);
        watch(client, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static int listen_on(const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0 || listen(fd, 4096) != 0) {
        perror("origin");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: origin PORT NAME\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    own_name = argv[2];
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int listen_fd = listen_on(argv[1]);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    (void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(epoll_fd, events, 64, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(listen_fd);
            else
                serve(events[i].data.ptr);
        }
    }
}
