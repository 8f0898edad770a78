/*
 * epoll_echo.c - a small echo server: two workers, one epoll set, and the clients beside it.
 *
 * What the server knows of a connection lies in a table, at the number of its descriptor. One
 * worker at a time serves a connection (EPOLLONESHOT).
 *
 * Wrong: a worker closes a descriptor, and only then marks its place in the table as free. In
 * between the other worker accepts a connection, which gets the same number, and enters it in
 * the table; the first one marks that as free. When the new client sends something, it is
 * nobody's.
 *
 * Right (-DFIXED): the place is given up first, the number after it.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORKERS = 2, CLIENTS = 2, ROUNDS = 2, FDS_MAX = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_open[FDS_MAX];
static int listener;
static int poller;
static int stopper;
static struct sockaddr_in address;

static void poll_for(int op, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    if (epoll_ctl(poller, op, fd, &event) != 0)
        assert(false && "epoll_ctl");
}

static void mark(int fd, bool open)
{
    pthread_mutex_lock(&lock);
    is_open[fd] = open;
    pthread_mutex_unlock(&lock);
}

static void accept_one(void)
{
    int fd = accept(listener, NULL, NULL);

    if (fd < 0)
        return; /* the other worker has it */
    assert(fd < FDS_MAX);
    mark(fd, true);
    poll_for(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT);
}

static void close_one(int fd)
{
#ifdef FIXED
    mark(fd, false);
    close(fd);
#else
    close(fd);
    mark(fd, false);
#endif
}

static void write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, text, len);
        if (written < 0)
            return; /* the other side is gone, and will be read as such */
        text += written;
        len -= (size_t)written;
    }
}

static void echo(int fd)
{
    char text[16];
    ssize_t len = read(fd, text, sizeof(text));

    if (len <= 0) {
        close_one(fd);
        return;
    }
    pthread_mutex_lock(&lock);
    assert(is_open[fd] && "the connection is in the table");
    pthread_mutex_unlock(&lock);
    write_all(fd, text, (size_t)len);
    /* Under the lock, so that all of this comes before the mark of whoever closes it. */
    pthread_mutex_lock(&lock);
    poll_for(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT);
    pthread_mutex_unlock(&lock);
}

static void *work(void *arg)
{
    struct epoll_event event;

    while (epoll_wait(poller, &event, 1, -1) >= 0) {
        if (event.data.fd == stopper)
            break;
        if (event.data.fd == listener)
            accept_one();
        else
            echo(event.data.fd);
    }
    return arg;
}

static void *ask(void *arg)
{
    static const char question[] = "ping";

    for (int i = 0; i < ROUNDS; i++) {
        char answer[sizeof(question)] = "";
        size_t got = 0;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
            assert(false && "connect");
        write_all(fd, question, sizeof(question));
        while (got < sizeof(answer)) {
            ssize_t len = read(fd, answer + got, sizeof(answer) - got);
            if (len <= 0)
                assert(false && "read");
            got += (size_t)len;
        }
        assert(memcmp(question, answer, sizeof(answer)) == 0);
        close(fd);
    }
    return arg;
}

static void start_server(void)
{
    socklen_t len = sizeof(address);

    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, CLIENTS) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        assert(false && "listen");
    poller = epoll_create1(0);
    stopper = eventfd(0, 0);
    poll_for(EPOLL_CTL_ADD, listener, EPOLLIN);
    poll_for(EPOLL_CTL_ADD, stopper, EPOLLIN);
}

int main(void)
{
    pthread_t workers[WORKERS], clients[CLIENTS];
    uint64_t one = 1;

    start_server();
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&workers[i], NULL, work, NULL);
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&clients[i], NULL, ask, NULL);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    if (write(stopper, &one, sizeof(one)) != sizeof(one))
        assert(false && "stop");
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    return 0;
}
