/*
 * sim/kernel/option.c - setsockopt and getsockopt; see option.h.
 */
#include "sim/kernel/option.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>

#include "sim/kernel/kernel.h"
#include "sim/kernel/tcp.h"

#ifndef TCP_NOTSENT_LOWAT
#define TCP_NOTSENT_LOWAT 25
#endif

enum { NS_PER_US = 1000, US_PER_S = 1000000, OPTION_BYTES_MAX = 64 };

/* Options that only come back: kept as they were given, one node for each that was set. */
struct option_value {
    struct option_value *next;
    int level;
    int name;
    int value;
    uint32_t text_bytes; /* 0: an integer */
    char text[OPTION_BYTES_MAX];
};

enum option_shape {
    SHAPE_BOOL,  /* comes back as 0 or 1 */
    SHAPE_INT,   /* comes back as it went in */
    SHAPE_TEXT,  /* a name */
    SHAPE_FIXED, /* may be read only: `initial` */
};

enum { FOR_TCP = 1, FOR_UDP = 2, FOR_UNIX = 4, FOR_INET = 3, FOR_ALL = 7 };

static const struct stored_option {
    int level;
    int name;
    enum option_shape shape;
    int families;
    int initial;
    const char *initial_text;
    int value_min; /* both 0: any */
    int value_max;
} stored_options[] = {
    {SOL_SOCKET, SO_KEEPALIVE, SHAPE_BOOL, FOR_ALL, 0, NULL, 0, 0},
    {SOL_SOCKET, SO_BROADCAST, SHAPE_BOOL, FOR_ALL, 0, NULL, 0, 0},
    {SOL_SOCKET, SO_OOBINLINE, SHAPE_BOOL, FOR_ALL, 0, NULL, 0, 0},
    {SOL_SOCKET, SO_DONTROUTE, SHAPE_BOOL, FOR_ALL, 0, NULL, 0, 0},
    {SOL_SOCKET, SO_PRIORITY, SHAPE_INT, FOR_ALL, 0, NULL, 0, 0},
    {SOL_SOCKET, SO_MARK, SHAPE_INT, FOR_ALL, 0, NULL, 0, 0},
    {SOL_SOCKET, SO_BUSY_POLL, SHAPE_INT, FOR_ALL, 0, NULL, 0, 0},
    {SOL_SOCKET, SO_INCOMING_CPU, SHAPE_INT, FOR_INET, 0, NULL, 0, 0},
    {SOL_SOCKET, SO_NO_CHECK, SHAPE_BOOL, FOR_ALL, 0, NULL, 0, 0},
    {SOL_SOCKET, SO_BINDTODEVICE, SHAPE_TEXT, FOR_INET, 0, "", 0, 0},
    {SOL_SOCKET, SO_SNDLOWAT, SHAPE_FIXED, FOR_ALL, 1, NULL, 0, 0},
    {IPPROTO_TCP, TCP_NODELAY, SHAPE_BOOL, FOR_TCP, 0, NULL, 0, 0},
    {IPPROTO_TCP, TCP_CORK, SHAPE_BOOL, FOR_TCP, 0, NULL, 0, 0},
    {IPPROTO_TCP, TCP_MAXSEG, SHAPE_INT, FOR_TCP, 536, NULL, 88, 32767},
    {IPPROTO_TCP, TCP_KEEPIDLE, SHAPE_INT, FOR_TCP, 7200, NULL, 1, 32767},
    {IPPROTO_TCP, TCP_KEEPINTVL, SHAPE_INT, FOR_TCP, 75, NULL, 1, 32767},
    {IPPROTO_TCP, TCP_KEEPCNT, SHAPE_INT, FOR_TCP, 9, NULL, 1, 127},
    {IPPROTO_TCP, TCP_LINGER2, SHAPE_INT, FOR_TCP, 60, NULL, 0, 0},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, SHAPE_INT, FOR_TCP, 0, NULL, 0, 0},
    {IPPROTO_TCP, TCP_QUICKACK, SHAPE_BOOL, FOR_TCP, 1, NULL, 0, 0},
    {IPPROTO_TCP, TCP_CONGESTION, SHAPE_TEXT, FOR_TCP, 0, "cubic", 0, 0},
    {IPPROTO_TCP, TCP_FASTOPEN, SHAPE_INT, FOR_TCP, 0, NULL, 0, 0},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, SHAPE_INT, FOR_TCP, -1, NULL, 0, 0},
    {IPPROTO_IP, IP_TTL, SHAPE_INT, FOR_INET, 64, NULL, 1, 255},
    {IPPROTO_IP, IP_MTU_DISCOVER, SHAPE_INT, FOR_INET, 1, NULL, 0, 5},
    {IPPROTO_IP, IP_RECVERR, SHAPE_BOOL, FOR_INET, 0, NULL, 0, 0},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, SHAPE_BOOL, FOR_INET, 0, NULL, 0, 0},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, SHAPE_INT, FOR_INET, 64, NULL, -1, 255},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, SHAPE_INT, FOR_INET, 1, NULL, 0, 5},
    {IPPROTO_IPV6, IPV6_RECVERR, SHAPE_BOOL, FOR_INET, 0, NULL, 0, 0},
};

static int family_bit(const struct socket *socket)
{
    if (socket->family == AF_UNIX)
        return FOR_UNIX;
    return socket->type == SOCK_STREAM ? FOR_TCP : FOR_UDP;
}

static const struct stored_option *find_stored(const struct socket *socket, int level, int name)
{
    for (size_t i = 0; i < ARRAY_COUNT(stored_options); i++) {
        const struct stored_option *option = &stored_options[i];
        if (option->level == level && option->name == name &&
            (option->families & family_bit(socket)) != 0)
            return option;
    }
    return NULL;
}

static struct option_value *find_value(const struct socket *socket, int level, int name)
{
    struct option_value *value = socket->options.stored;

    while (value != NULL && (value->level != level || value->name != name))
        value = value->next;
    return value;
}

void option_copy(struct socket_options *to, const struct socket_options *from)
{
    *to = *from;
    to->stored = NULL;
    for (const struct option_value *value = from->stored; value != NULL; value = value->next) {
        struct option_value *copy = kmem_take(sizeof(*copy));
        *copy = *value;
        copy->next = to->stored;
        to->stored = copy;
    }
}

void option_fini(struct socket_options *options)
{
    while (options->stored != NULL) {
        struct option_value *value = options->stored;
        options->stored = value->next;
        kmem_give(value, sizeof(*value));
    }
}

static struct option_value *value_for(struct socket *socket, const struct stored_option *option)
{
    struct option_value *value = find_value(socket, option->level, option->name);

    if (value != NULL)
        return value;
    value = kmem_take(sizeof(*value));
    value->level = option->level;
    value->name = option->name;
    value->next = socket->options.stored;
    socket->options.stored = value;
    return value;
}

static int set_stored(struct socket *socket, const struct stored_option *option, int number,
                      const void *text, socklen_t len_bytes)
{
    struct option_value *value;

    switch (option->shape) {
    case SHAPE_FIXED:
        return -ENOPROTOOPT;
    case SHAPE_TEXT:
        value = value_for(socket, option);
        value->text_bytes = len_bytes < OPTION_BYTES_MAX ? len_bytes : OPTION_BYTES_MAX - 1;
        memcpy(value->text, text, value->text_bytes);
        value->text[value->text_bytes] = '\0';
        return 0;
    case SHAPE_BOOL:
        value_for(socket, option)->value = number != 0;
        return 0;
    case SHAPE_INT:
        if ((option->value_min != 0 || option->value_max != 0) &&
            (number < option->value_min || number > option->value_max))
            return -EINVAL;
        value_for(socket, option)->value = number;
        return 0;
    }
    return 0;
}

/* ---- setting ---- */

static uint32_t buffer_bytes(int wanted, uint32_t least)
{
    uint32_t bytes;

    if (wanted < 0 || wanted > SOCKET_BUFFER_MAX)
        wanted = SOCKET_BUFFER_MAX;
    bytes = (uint32_t)wanted * 2;
    return bytes < least ? least : bytes;
}

static int set_timeout(uint64_t *timeout_ns, const void *value, socklen_t len_bytes)
{
    struct timeval time;

    if (len_bytes < sizeof(time))
        return -EINVAL;
    memcpy(&time, value, sizeof(time));
    if (time.tv_usec < 0 || time.tv_usec >= US_PER_S)
        return -EDOM;
    *timeout_ns = time.tv_sec < 0
                      ? 1
                      : ((uint64_t)time.tv_sec * US_PER_S + (uint64_t)time.tv_usec) * NS_PER_US;
    return 0;
}

static int set_linger(struct socket_options *options, const void *value, socklen_t len_bytes)
{
    struct linger linger;

    if (len_bytes < sizeof(linger))
        return -EINVAL;
    memcpy(&linger, value, sizeof(linger));
    options->is_lingering = linger.l_onoff != 0;
    if (linger.l_onoff != 0)
        options->linger_s = (uint32_t)linger.l_linger;
    return 0;
}

/* Those of SOL_SOCKET that change behaviour. 1 when `name` is none of them. */
static int set_socket_level(struct socket *socket, int name, int number, const void *value,
                            socklen_t len_bytes)
{
    struct socket_options *options = &socket->options;

    switch (name) {
    case SO_REUSEADDR:
        options->is_reuseaddr = number != 0;
        break;
    case SO_REUSEPORT:
        if (number != 0 && socket->family == AF_UNIX)
            return -EOPNOTSUPP;
        options->is_reuseport = number != 0;
        break;
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
        options->sndbuf_bytes = buffer_bytes(number, SOCKET_SNDBUF_MIN);
        break;
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
        options->rcvbuf_bytes = buffer_bytes(number, SOCKET_RCVBUF_MIN);
        break;
    case SO_RCVLOWAT:
        if (number < 0)
            number = INT32_MAX;
        options->recv_low_bytes = number == 0 ? 1 : (uint32_t)number;
        break;
    case SO_LINGER:
        return set_linger(options, value, len_bytes);
    case SO_RCVTIMEO:
        return set_timeout(&options->recv_timeout_ns, value, len_bytes);
    case SO_SNDTIMEO:
        return set_timeout(&options->send_timeout_ns, value, len_bytes);
    case SO_TYPE:
    case SO_ERROR:
    case SO_DOMAIN:
    case SO_PROTOCOL:
    case SO_ACCEPTCONN:
        return -ENOPROTOOPT;
    default:
        return 1;
    }
    return 0;
}

static int set_tcp_level(struct socket *socket, int name, int number)
{
    switch (name) {
    case TCP_USER_TIMEOUT:
        if (number < 0)
            return -EINVAL;
        socket->options.user_timeout_ms = (uint32_t)number;
        return 0;
    case TCP_DEFER_ACCEPT:
        socket->options.defer_accept_s = number <= 0 ? 0 : tcp_defer_seconds((uint32_t)number);
        return 0;
    case TCP_SYNCNT:
        if (number < 1 || number > 127)
            return -EINVAL;
        socket->options.syn_retries = (uint32_t)number;
        return 0;
    case TCP_INFO:
        return -ENOPROTOOPT;
    default:
        return 1;
    }
}

static int set_ip_level(struct socket *socket, int name, int number)
{
    struct socket_options *options = &socket->options;

    switch (name) {
    case IP_TOS:
        if (socket->type == SOCK_STREAM) /* the lowest bits belong to TCP's congestion control */
            number = (number & ~3) | (options->tos & 3);
        options->tos = (uint8_t)number;
        return 0;
    case IP_FREEBIND:
    case IP_TRANSPARENT:
        options->may_bind_any_address = number != 0;
        return 0;
    case IP_PKTINFO:
        options->wants_pktinfo4 = number != 0;
        return 0;
    case IP_RECVTOS:
        options->wants_tos = number != 0;
        return 0;
    case IP_ORIGDSTADDR:
        options->wants_origdst = number != 0;
        return 0;
    default:
        return 1;
    }
}

static int set_ipv6_level(struct socket *socket, int name, int number)
{
    struct socket_options *options = &socket->options;

    switch (name) {
    case IPV6_V6ONLY:
        if (socket_has_port(socket))
            return -EINVAL;
        options->is_v6only = number != 0;
        return 0;
    case IPV6_RECVPKTINFO:
        options->wants_pktinfo6 = number != 0;
        return 0;
    case IPV6_RECVTCLASS:
        options->wants_tclass = number != 0;
        return 0;
    case IPV6_TCLASS:
        if (number < -1 || number > 255)
            return -EINVAL;
        options->tclass = number == -1 ? 0 : (uint8_t)number;
        return 0;
    case IPV6_FREEBIND:
    case IPV6_TRANSPARENT:
        options->may_bind_any_address = number != 0;
        return 0;
    default:
        return 1;
    }
}

static bool has_level(const struct socket *socket, int level)
{
    switch (level) {
    case SOL_SOCKET:
        return true;
    case IPPROTO_TCP:
        return family_bit(socket) == FOR_TCP;
    case IPPROTO_IP:
        return socket->family != AF_UNIX;
    case IPPROTO_IPV6:
        return socket->family == AF_INET6;
    default:
        return false;
    }
}

int socket_set_option(struct socket *socket, int level, int name, const void *value,
                      socklen_t len_bytes)
{
    const struct stored_option *stored = find_stored(socket, level, name);
    bool is_text = stored != NULL && stored->shape == SHAPE_TEXT;
    int number = 0;
    int result = 1;

    if ((int)len_bytes < 0)
        return -EINVAL;
    if (!has_level(socket, level))
        return socket->family == AF_UNIX ? -EOPNOTSUPP : -ENOPROTOOPT;
    if (!is_text) {
        if (len_bytes >= sizeof(number))
            memcpy(&number, value, sizeof(number));
        else if (level == IPPROTO_IP && len_bytes >= 1)
            number = *(const unsigned char *)value;
        else
            return -EINVAL;
    }
    switch (level) {
    case SOL_SOCKET:
        result = set_socket_level(socket, name, number, value, len_bytes);
        break;
    case IPPROTO_TCP:
        result = set_tcp_level(socket, name, number);
        break;
    case IPPROTO_IP:
        result = set_ip_level(socket, name, number);
        break;
    case IPPROTO_IPV6:
        result = set_ipv6_level(socket, name, number);
        break;
    default:
        break;
    }
    if (result == 0 && level == SOL_SOCKET && socket->ops->note_option != NULL)
        socket->ops->note_option(socket, name);
    if (result <= 0)
        return result;
    return stored == NULL ? -ENOPROTOOPT : set_stored(socket, stored, number, value, len_bytes);
}

/* ---- getting ---- */

static int put(void *value, socklen_t *len_bytes, const void *from, size_t from_bytes)
{
    if (*len_bytes > from_bytes)
        *len_bytes = (socklen_t)from_bytes;
    memcpy(value, from, *len_bytes);
    return 0;
}

static int put_int(void *value, socklen_t *len_bytes, int number)
{
    return put(value, len_bytes, &number, sizeof(number));
}

static int put_timeout(void *value, socklen_t *len_bytes, uint64_t timeout_ns)
{
    struct timeval time = {
        .tv_sec = (time_t)(timeout_ns / NS_PER_US / US_PER_S),
        .tv_usec = (suseconds_t)(timeout_ns / NS_PER_US % US_PER_S),
    };
    return put(value, len_bytes, &time, sizeof(time));
}

static int get_socket_level(struct socket *socket, int name, void *value, socklen_t *len_bytes)
{
    const struct socket_options *options = &socket->options;
    struct linger linger = {.l_onoff = options->is_lingering, .l_linger = (int)options->linger_s};
    int error;

    switch (name) {
    case SO_REUSEADDR:
        return put_int(value, len_bytes, options->is_reuseaddr);
    case SO_REUSEPORT:
        return put_int(value, len_bytes, options->is_reuseport);
    case SO_SNDBUF:
        return put_int(value, len_bytes, (int)options->sndbuf_bytes);
    case SO_RCVBUF:
        return put_int(value, len_bytes, (int)options->rcvbuf_bytes);
    case SO_RCVLOWAT:
        return put_int(value, len_bytes, (int)options->recv_low_bytes);
    case SO_LINGER:
        return put(value, len_bytes, &linger, sizeof(linger));
    case SO_RCVTIMEO:
        return put_timeout(value, len_bytes, options->recv_timeout_ns);
    case SO_SNDTIMEO:
        return put_timeout(value, len_bytes, options->send_timeout_ns);
    case SO_TYPE:
        return put_int(value, len_bytes, socket->type);
    case SO_DOMAIN:
        return put_int(value, len_bytes, socket->family);
    case SO_PROTOCOL:
        return put_int(value, len_bytes, socket->protocol);
    case SO_ACCEPTCONN:
        return put_int(value, len_bytes, socket->file.ops->kind(&socket->file) == FILE_LISTENER);
    case SO_ERROR:
        error = socket->ops->take_error == NULL ? 0 : socket->ops->take_error(socket);
        return put_int(value, len_bytes, error);
    default:
        return 1;
    }
}

static int get_tcp_level(struct socket *socket, int name, void *value, socklen_t *len_bytes)
{
    struct tcp_info info = {0};

    switch (name) {
    case TCP_USER_TIMEOUT:
        return put_int(value, len_bytes, (int)socket->options.user_timeout_ms);
    case TCP_DEFER_ACCEPT:
        return put_int(value, len_bytes, (int)socket->options.defer_accept_s);
    case TCP_SYNCNT:
        return put_int(value, len_bytes, (int)socket->options.syn_retries);
    case TCP_INFO:
        tcp_fill_info(socket, &info);
        return put(value, len_bytes, &info, sizeof(info));
    default:
        return 1;
    }
}

static int get_ip_level(struct socket *socket, int level, int name, void *value,
                        socklen_t *len_bytes)
{
    const struct socket_options *options = &socket->options;

    if (level == IPPROTO_IP) {
        switch (name) {
        case IP_TOS:
            return put_int(value, len_bytes, options->tos);
        case IP_FREEBIND:
        case IP_TRANSPARENT:
            return put_int(value, len_bytes, options->may_bind_any_address);
        case IP_PKTINFO:
            return put_int(value, len_bytes, options->wants_pktinfo4);
        case IP_RECVTOS:
            return put_int(value, len_bytes, options->wants_tos);
        case IP_ORIGDSTADDR:
            return put_int(value, len_bytes, options->wants_origdst);
        default:
            return 1;
        }
    }
    switch (name) {
    case IPV6_V6ONLY:
        return put_int(value, len_bytes, options->is_v6only);
    case IPV6_RECVPKTINFO:
        return put_int(value, len_bytes, options->wants_pktinfo6);
    case IPV6_RECVTCLASS:
        return put_int(value, len_bytes, options->wants_tclass);
    case IPV6_TCLASS:
        return put_int(value, len_bytes, options->tclass);
    case IPV6_FREEBIND:
    case IPV6_TRANSPARENT:
        return put_int(value, len_bytes, options->may_bind_any_address);
    default:
        return 1;
    }
}

int socket_get_option(struct socket *socket, int level, int name, void *value, socklen_t *len_bytes)
{
    const struct stored_option *stored = find_stored(socket, level, name);
    const struct option_value *kept = find_value(socket, level, name);
    const char *text;
    int result = 1;

    if ((int)*len_bytes < 0)
        return -EINVAL;
    if (!has_level(socket, level))
        return socket->family == AF_INET6 ? -ENOPROTOOPT : -EOPNOTSUPP;
    if (level == SOL_SOCKET)
        result = get_socket_level(socket, name, value, len_bytes);
    else if (level == IPPROTO_TCP)
        result = get_tcp_level(socket, name, value, len_bytes);
    else
        result = get_ip_level(socket, level, name, value, len_bytes);
    if (result <= 0)
        return result;
    if (stored == NULL)
        return -ENOPROTOOPT;
    if (stored->shape != SHAPE_TEXT)
        return put_int(value, len_bytes, kept == NULL ? stored->initial : kept->value);
    text = kept == NULL ? stored->initial_text : kept->text;
    return put(value, len_bytes, text, strlen(text) + 1);
}
