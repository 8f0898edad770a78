/*
 * sim/kernel/option.h - setsockopt and getsockopt: options that change what the kernel does, and
 * those that only come back.
 *
 * The calls themselves are socket_set_option() and socket_get_option() of socket.h.
 *
 * Owner: the run's arena.  Threads: none.
 */
#ifndef SIM_KERNEL_OPTION_H
#define SIM_KERNEL_OPTION_H

#include "sim/kernel/socket.h"

/* What an accepted socket inherits; `to` has none of its own yet. */
void option_copy(struct socket_options *to, const struct socket_options *from);
void option_fini(struct socket_options *options);

/* Whether the socket has a port already. */
bool socket_has_port(const struct socket *socket);

#endif
