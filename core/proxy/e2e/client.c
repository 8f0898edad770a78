/*
 * core/proxy/e2e/client.c - clients for tests that curl cannot be.
 *
 *     client pipeline PORT          many requests in one send; the answers must come whole and in
 * order client half PORT              sends its end after the request; the answer must still come
 *     client hold PORT SECONDS      one connection, a request, then silence; prints how the
 * connection ends client drain PORT THREADS     a connection for each request until one is refused;
 * prints counts client raw PORT < BYTES       sends standard input, prints what comes back
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int port;

static int connect_to(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        abort();
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* Until the end; -errno when it broke. */
static ssize_t recv_all(int fd, char *data, size_t size)
{
    size_t len = 0;

    for (;;) {
        ssize_t n = recv(fd, data + len, size - 1 - len, 0);
        if (n < 0)
            return -errno;
        len += (size_t)n;
        data[len] = '\0';
        if (n == 0 || len == size - 1)
            return (ssize_t)len;
    }
}

static int fail(const char *what)
{
    (void)fprintf(stderr, "client: %s\n", what);
    return 1;
}

static int run_pipeline(void)
{
    enum { REQUESTS = 50 };
    static char text[1 << 20];
    static char want[1 << 20];
    static char got[1 << 20];
    size_t len = 0;
    int fd = connect_to();

    if (fd < 0)
        return fail("cannot connect");
    for (int i = 0; i < REQUESTS; i++) {
        len += (size_t)snprintf(
            text + len, sizeof(text) - len,
            "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 7\r\n%s\r\nbody%03d",
            i == REQUESTS - 1 ? "Connection: close\r\n" : "", i);
        (void)snprintf(want + strlen(want), sizeof(want) - strlen(want), "body%03d", i);
    }
    if (!send_all(fd, text, len) || recv_all(fd, got, sizeof(got)) < 0)
        return fail("broken connection");
    (void)close(fd);
    /* The bodies, in order. */
    char *at = got;
    for (int i = 0; i < REQUESTS; i++) {
        if (strncmp(at, "HTTP/1.1 200 ", 13) != 0)
            return fail("no response where one should be");
        char *body = strstr(at, "\r\n\r\n");
        if (body == NULL || strncmp(body + 4, want + 7 * (size_t)i, 7) != 0)
            return fail("not the body that was sent");
        at = body + 11;
    }
    return *at == '\0' ? 0 : fail("more than was asked for");
}

static int run_half(void)
{
    static const char request[] = "GET /chunked/100000 HTTP/1.1\r\nHost: t\r\n\r\n";
    static char got[1 << 20];
    int fd = connect_to();

    if (fd < 0 || !send_all(fd, request, sizeof(request) - 1) || shutdown(fd, SHUT_WR) != 0)
        return fail("cannot send");
    ssize_t len = recv_all(fd, got, sizeof(got));
    (void)close(fd);
    if (len < 100000 || strcmp(got + len - 5, "\r\n\r\n") == 0)
        return fail("not the whole response");
    return strcmp(got + len - 4, "\r\n\r\n") == 0 ? 0 : fail("the response has no end");
}

static int run_hold(unsigned seconds)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
    struct timeval wait = {.tv_sec = seconds};
    char got[4096];
    int fd = connect_to();

    if (fd < 0 || !send_all(fd, request, sizeof(request) - 1))
        return fail("cannot send");
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    if (recv(fd, got, sizeof(got), 0) <= 0)
        return fail("no response");
    (void)puts("answered");
    (void)fflush(stdout);
    errno = 0;
    ssize_t n = recv(fd, got, sizeof(got), 0);
    (void)puts(n == 0 ? "closed" : n > 0 ? "more" : errno == EAGAIN ? "open" : "reset");
    (void)close(fd);
    return 0;
}

static int run_raw(void)
{
    static char data[1 << 20];
    struct timeval wait = {.tv_sec = 5};
    size_t len = fread(data, 1, sizeof(data), stdin);
    int fd = connect_to();

    if (fd < 0)
        return fail("cannot connect");
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)send_all(fd, data, len);
    ssize_t n = recv_all(fd, data, sizeof(data));
    (void)close(fd);
    if (n < 0)
        return fail(n == -EAGAIN ? "no end" : "reset");
    (void)fwrite(data, 1, (size_t)n, stdout);
    return 0;
}

struct drain_counts {
    unsigned good;
    unsigned bad;
    int error; /* of the last bad one */
};

static void *drain_main(void *arg)
{
    static const char request[] = "GET /size/1000 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    struct drain_counts *counts = arg;
    char got[8192];
    bool is_at_door = false; /* the last one was reset */

    for (;;) {
        int fd = connect_to();
        /* Refused: the drain is over. A connection that came between the last accept() and the
         * close() is reset by the system, and nothing that the server does can help it: that one,
         * and it is the last before the refusal. */
        if (fd < 0)
            return NULL;
        counts->bad += is_at_door;
        is_at_door = false;
        const bool is_sent = send_all(fd, request, sizeof(request) - 1);
        ssize_t n = is_sent ? recv_all(fd, got, sizeof(got)) : -errno;
        if (n > 1000 && strncmp(got, "HTTP/1.1 200", 12) == 0) {
            counts->good++;
        } else {
            is_at_door = n == -ECONNRESET || n == -EPIPE;
            counts->bad += !is_at_door;
            counts->error = (int)-n;
        }
        (void)close(fd);
    }
}

static int run_drain(unsigned threads_count)
{
    pthread_t threads[64];
    struct drain_counts counts[64] = {0};
    struct drain_counts sum = {0};

    for (unsigned i = 0; i < threads_count; i++) {
        if (pthread_create(&threads[i], NULL, drain_main, &counts[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < threads_count; i++) {
        (void)pthread_join(threads[i], NULL);
        sum.good += counts[i].good;
        sum.bad += counts[i].bad;
        if (counts[i].bad > 0)
            sum.error = counts[i].error;
    }
    (void)printf("%u good, %u bad%s%s\n", sum.good, sum.bad, sum.bad > 0 ? ": " : "",
                 sum.bad > 0 ? strerror(sum.error) : "");
    return sum.bad > 0 || sum.good == 0;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 3)
        return fail("usage: client pipeline|half|hold|drain|raw PORT [N]");
    port = (int)strtol(argv[2], NULL, 10);
    unsigned n = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 4;
    if (strcmp(argv[1], "pipeline") == 0)
        return run_pipeline();
    if (strcmp(argv[1], "half") == 0)
        return run_half();
    if (strcmp(argv[1], "hold") == 0)
        return run_hold(n);
    if (strcmp(argv[1], "drain") == 0)
        return run_drain(n > 64 ? 64 : n);
    if (strcmp(argv[1], "raw") == 0)
        return run_raw();
    return fail("no such mode");
}
