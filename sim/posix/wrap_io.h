/*
 * sim/posix/wrap_io.h - the wrapped calls about files, sockets and events.
 *
 * The linker sends the code under test's call of NAME to __wrap_NAME (-Wl,--wrap=NAME, see
 * wrapped_io.bzl). Off a virtual thread, or while the simulator itself needs the system, it goes on
 * to __real_NAME.
 *
 * Threads: any.
 */
#ifndef SIM_POSIX_WRAP_IO_H
#define SIM_POSIX_WRAP_IO_H

#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* Who called: directly inside a __wrap_ function only. */
#ifndef WRAP_PC
#define WRAP_PC __builtin_return_address(0)
#endif

#define WRAPPED(type, name, ...)                                                                   \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);

/* fd_calls.c */
WRAPPED(int, close, int)
WRAPPED(void, closefrom, int)
WRAPPED(int, close_range, unsigned, unsigned, int)
WRAPPED(int, dup, int)
WRAPPED(int, dup2, int, int)
WRAPPED(int, dup3, int, int, int)
WRAPPED(int, fcntl, int, int, ...)
WRAPPED(int, fcntl64, int, int, ...)
WRAPPED(int, ioctl, int, unsigned long, ...)
WRAPPED(int, isatty, int)
WRAPPED(int, pipe, int *)
WRAPPED(int, pipe2, int *, int)
WRAPPED(ssize_t, read, int, void *, size_t)
WRAPPED(ssize_t, __read_chk, int, void *, size_t, size_t)
WRAPPED(ssize_t, readv, int, const struct iovec *, int)
WRAPPED(ssize_t, write, int, const void *, size_t)
WRAPPED(ssize_t, writev, int, const struct iovec *, int)

/* socket_calls.c */
WRAPPED(int, accept, int, struct sockaddr *, socklen_t *)
WRAPPED(int, accept4, int, struct sockaddr *, socklen_t *, int)
WRAPPED(int, bind, int, const struct sockaddr *, socklen_t)
WRAPPED(int, connect, int, const struct sockaddr *, socklen_t)
WRAPPED(int, getpeername, int, struct sockaddr *, socklen_t *)
WRAPPED(int, getsockname, int, struct sockaddr *, socklen_t *)
WRAPPED(int, getsockopt, int, int, int, void *, socklen_t *)
WRAPPED(int, listen, int, int)
WRAPPED(int, setsockopt, int, int, int, const void *, socklen_t)
WRAPPED(int, shutdown, int, int)
WRAPPED(int, socket, int, int, int)
WRAPPED(int, socketpair, int, int, int, int *)

/* message_calls.c */
WRAPPED(ssize_t, recv, int, void *, size_t, int)
WRAPPED(ssize_t, __recv_chk, int, void *, size_t, size_t, int)
WRAPPED(ssize_t, recvfrom, int, void *, size_t, int, struct sockaddr *, socklen_t *)
WRAPPED(ssize_t, __recvfrom_chk, int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *)
WRAPPED(int, recvmmsg, int, struct mmsghdr *, unsigned, int, struct timespec *)
WRAPPED(ssize_t, recvmsg, int, struct msghdr *, int)
WRAPPED(ssize_t, send, int, const void *, size_t, int)
WRAPPED(int, sendmmsg, int, struct mmsghdr *, unsigned, int)
WRAPPED(ssize_t, sendmsg, int, const struct msghdr *, int)
WRAPPED(ssize_t, sendto, int, const void *, size_t, int, const struct sockaddr *, socklen_t)

/* epoll_calls.c */
WRAPPED(int, epoll_create, int)
WRAPPED(int, epoll_create1, int)
WRAPPED(int, epoll_ctl, int, int, int, struct epoll_event *)
WRAPPED(int, epoll_pwait, int, struct epoll_event *, int, int, const sigset_t *)
WRAPPED(int, epoll_pwait2, int, struct epoll_event *, int, const struct timespec *,
        const sigset_t *)
WRAPPED(int, epoll_wait, int, struct epoll_event *, int, int)
WRAPPED(int, eventfd, unsigned, int)
WRAPPED(int, eventfd_read, int, eventfd_t *)
WRAPPED(int, eventfd_write, int, eventfd_t)
WRAPPED(int, timerfd_create, clockid_t, int)
WRAPPED(int, timerfd_gettime, int, struct itimerspec *)
WRAPPED(int, timerfd_settime, int, int, const struct itimerspec *, struct itimerspec *)

/* poll_calls.c */
WRAPPED(int, poll, struct pollfd *, nfds_t, int)
WRAPPED(int, __poll_chk, struct pollfd *, nfds_t, int, size_t)
WRAPPED(int, ppoll, struct pollfd *, nfds_t, const struct timespec *, const sigset_t *)
WRAPPED(int, __ppoll_chk, struct pollfd *, nfds_t, const struct timespec *, const sigset_t *,
        size_t)
WRAPPED(int, pselect, int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *)
WRAPPED(int, select, int, fd_set *, fd_set *, fd_set *, struct timeval *)

/* system_calls.c */
WRAPPED(uint32_t, arc4random, void)
WRAPPED(void, arc4random_buf, void *, size_t)
WRAPPED(uint32_t, arc4random_uniform, uint32_t)
WRAPPED(void, freeaddrinfo, struct addrinfo *)
WRAPPED(int, getaddrinfo, const char *, const char *, const struct addrinfo *, struct addrinfo **)
WRAPPED(int, getentropy, void *, size_t)
WRAPPED(int, gethostname, char *, size_t)
WRAPPED(unsigned, getegid, void)
WRAPPED(unsigned, geteuid, void)
WRAPPED(unsigned, getgid, void)
WRAPPED(pid_t, getpid, void)
WRAPPED(pid_t, getppid, void)
WRAPPED(ssize_t, getrandom, void *, size_t, unsigned)
WRAPPED(int, getrlimit, int, struct rlimit *)
WRAPPED(int, getrlimit64, int, struct rlimit64 *)
WRAPPED(pid_t, gettid, void)
WRAPPED(unsigned, getuid, void)
WRAPPED(int, open, const char *, int, ...)
WRAPPED(int, open64, const char *, int, ...)
WRAPPED(int, openat, int, const char *, int, ...)
WRAPPED(int, openat64, int, const char *, int, ...)
WRAPPED(int, setrlimit, int, const struct rlimit *)
WRAPPED(int, setrlimit64, int, const struct rlimit64 *)
WRAPPED(long, syscall, long, ...)
WRAPPED(long, sysconf, int)

#undef WRAPPED

#endif
