/*
 * echo_server.c - a small server: two workers on one epoll set, until SIGTERM.
 *
 * One worker at a time serves a connection (EPOLLONESHOT). The port is the first argument.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORKERS = 2, CHUNK_BYTES = 64, PORT_DEFAULT = 7 };

static int listener;
static int poller;
static int stopper;
static atomic_bool is_stopping;

static void on_term(int signo)
{
    const uint64_t one = 1;

    (void)signo;
    atomic_store(&is_stopping, true);
    if (write(stopper, &one, sizeof(one)) != sizeof(one))
        abort();
}

static void poll_for(int op, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    if (epoll_ctl(poller, op, fd, &event) != 0)
        abort();
}

static void accept_one(void)
{
    int fd = accept(listener, NULL, NULL);

    if (fd >= 0) /* else the other worker has it */
        poll_for(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT);
}

static bool send_all(int fd, const char *bytes, ssize_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, (size_t)len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return false;
        bytes += sent < 0 ? 0 : sent;
        len -= sent < 0 ? 0 : sent;
    }
    return true;
}

static void serve(int fd)
{
    char chunk[CHUNK_BYTES];
    ssize_t len = read(fd, chunk, sizeof(chunk));

    if ((len > 0 && send_all(fd, chunk, len)) || (len < 0 && errno == EINTR))
        poll_for(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT);
    else
        close(fd);
}

static void *work(void *arg)
{
    struct epoll_event event;

    while (!atomic_load(&is_stopping)) {
        if (epoll_wait(poller, &event, 1, -1) != 1 || event.data.fd == stopper)
            continue;
        if (event.data.fd == listener)
            accept_one();
        else
            serve(event.data.fd);
    }
    return arg;
}

static bool start(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int yes = 1;

    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, SOMAXCONN) != 0)
        return false;
    poller = epoll_create1(0);
    stopper = eventfd(0, 0);
    poll_for(EPOLL_CTL_ADD, listener, EPOLLIN);
    poll_for(EPOLL_CTL_ADD, stopper, EPOLLIN);
    return signal(SIGTERM, on_term) != SIG_ERR;
}

int main(int argc, char **argv)
{
    pthread_t workers[WORKERS];

    if (!start((uint16_t)(argc > 1 ? atoi(argv[1]) : PORT_DEFAULT))) {
        perror("echo_server");
        return 1;
    }
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&workers[i], NULL, work, NULL);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    printf("stopped\n");
    return 0;
}
