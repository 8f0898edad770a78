/*
 * core/proxy/config.h - the proxy's configuration: as text, and as a value.
 *
 * One directive a line, the same words as in the `node` block of a scenario, which is why a line
 * can also be parsed by itself. Strict: whole words, every duration with a unit, every number
 * within its bounds, no name twice; an error says where. The value holds no pointer: it can be
 * copied, and there is nothing to free.
 *
 *     node p                             # optional; then the block is indented
 *         workers 2
 *         listen fe 10.0.0.1:80 h1 maxconn 100 accept-rate 50/1s
 *         listen tls 10.0.0.1:443 auto tls cert.pem key.pem
 *         listen ctl 127.0.0.1:9000 control
 *         backend app 10.0.1.1:8080 [fd00::1]:8080 h1 limit 10 queue 100 reuse always
 *         route fe /static app           # longest prefix wins; without one: the first backend
 *         timeout client 30s
 *
 * Threads: any, one at a time for each object.
 */
#ifndef CORE_PROXY_CONFIG_H
#define CORE_PROXY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/net/addr.h"

enum {
    CONFIG_TEXT_BYTES_MAX = 1 << 20, /* a file longer than this is not a configuration */
    CONFIG_LINE_BYTES_MAX = 4096,
    CONFIG_WORDS_MAX = 64,
    CONFIG_NAME_BYTES = 32, /* with its NUL */
    CONFIG_PREFIX_BYTES = 128,
    CONFIG_LISTENERS_MAX = 16,
    CONFIG_BACKENDS_MAX = 16,
    CONFIG_SERVERS_MAX = 16,
    CONFIG_ROUTES_MAX = 64,
    CONFIG_PATH_BYTES = 256,
    CONFIG_SNI_BYTES = 128,
    CONFIG_INDEX_BYTES = 64,
    CONFIG_QUEUE_DEFAULT = 1000,
};

#define CONFIG_DOWN_NS_DEFAULT UINT64_C(5000000000)
#define CONFIG_PURGE_NS_DEFAULT UINT64_C(5000000000)

/* Directives of one number: X(field, word, least, most, default). */
#define CONFIG_NUMBERS(X)                                                                          \
    X(workers, "workers", 1, 64, 1)                                                                \
    X(maxconn, "maxconn", 1, 1000000, 2000)                                                        \
    X(buffer_size, "buffer-size", 256, 1 << 20, 16384)                                             \
    X(fd_max, "fd-max", 16, 1 << 20, 8192)                                                         \
    X(buffers, "buffers", 1, 1 << 20, 1024)                                                        \
    X(streams_max, "streams-max", 1, 10000, 100)                                                   \
    X(accept_ring, "accept-ring", 1, 65535, 1023)                                                  \
    X(accept_batch, "accept-batch", 1, 1024, 4)

/* Directives of one duration: X(field, word, least, most, default), in nanoseconds. 0 is never. */
#define CONFIG_DURATIONS(X) X(hard_stop_after_ns, "hard-stop-after", 1, CONFIG_DURATION_MAX, 0)

/* `timeout KIND DURATION`: X(field, word, default). */
#define CONFIG_TIMEOUTS(X)                                                                         \
    X(client_ns, "client", 30000000000)                                                            \
    X(server_ns, "server", 30000000000)                                                            \
    X(connect_ns, "connect", 5000000000)                                                           \
    X(request_ns, "request", 10000000000)                                                          \
    X(keep_alive_ns, "keep-alive", 10000000000)                                                    \
    X(queue_ns, "queue", 5000000000)                                                               \
    X(idle_ns, "idle", 60000000000)

#define CONFIG_DURATION_MAX UINT64_C(31536000000000000) /* a year */

/* Where a thing was written, for errors found later. Line 0: nowhere. */
struct config_place {
    unsigned line;
    unsigned col;
};

/* What is spoken on a listener: X(name, word). AUTO takes h2 by its preface, in TLS by ALPN. */
#define CONFIG_LISTEN_KINDS(X) X(H1, "h1") X(H2, "h2") X(AUTO, "auto") X(CONTROL, "control")

enum config_listen_kind {
#define CONFIG_ENUM(name, word) CONFIG_LISTEN_##name,
    CONFIG_LISTEN_KINDS(CONFIG_ENUM)
#undef CONFIG_ENUM
};

#define CONFIG_PROTOCOLS(X) X(H1, "h1") X(H2, "h2") X(FCGI, "fcgi")

enum config_protocol {
#define CONFIG_ENUM(name, word) CONFIG_##name,
    CONFIG_PROTOCOLS(CONFIG_ENUM)
#undef CONFIG_ENUM
};

#define CONFIG_BALANCES(X) X(ROUNDROBIN, "roundrobin") X(LEASTCONN, "leastconn")

enum config_balance {
#define CONFIG_ENUM(name, word) CONFIG_BALANCE_##name,
    CONFIG_BALANCES(CONFIG_ENUM)
#undef CONFIG_ENUM
};

#define CONFIG_REUSES(X)                                                                           \
    X(NEVER, "never") X(SAFE, "safe") X(AGGRESSIVE, "aggressive") X(ALWAYS, "always")

enum config_reuse {
#define CONFIG_ENUM(name, word) CONFIG_REUSE_##name,
    CONFIG_REUSES(CONFIG_ENUM)
#undef CONFIG_ENUM
};

struct config_listen {
    char name[CONFIG_NAME_BYTES];
    struct addr addr;
    enum config_listen_kind kind;
    char certificate[CONFIG_PATH_BYTES]; /* empty: no TLS */
    char key[CONFIG_PATH_BYTES];
    uint32_t maxconn;    /* 0: only the global bound */
    uint32_t backlog;    /* of the kernel's accept queue */
    uint32_t rate_count; /* accepts within rate_period_ns; 0: no bound */
    uint64_t rate_period_ns;
    bool has_worker; /* only this one accepts; otherwise all do */
    uint32_t worker;
    struct config_place place;
};

struct config_backend {
    char name[CONFIG_NAME_BYTES];
    struct addr servers[CONFIG_SERVERS_MAX];
    uint32_t servers_count;
    enum config_protocol protocol;
    uint32_t set; /* bit per option that was written */
    bool has_tls;
    char trust[CONFIG_PATH_BYTES]; /* empty: nobody is verified */
    char sni[CONFIG_SNI_BYTES];    /* empty: no name is asked for */
    enum config_balance balance;
    enum config_reuse reuse;
    uint32_t limit;    /* requests at once on a server; 0: no bound */
    uint32_t queue;    /* requests that wait, when all servers are at their limit */
    uint32_t idle_max; /* idle connections of a server; UINT32_MAX: no bound */
    uint32_t fall;     /* failures in a row until a server is down; 0: never */
    uint64_t down_ns;
    uint64_t purge_ns;
    char root[CONFIG_PATH_BYTES]; /* fcgi: empty without */
    char index[CONFIG_INDEX_BYTES];
    struct config_place place;
};

struct config_route {
    char listen[CONFIG_NAME_BYTES];
    char prefix[CONFIG_PREFIX_BYTES];
    char backend[CONFIG_NAME_BYTES];
    uint32_t listen_index; /* set by config_finish() */
    uint32_t backend_index;
    struct config_place listen_place;
    struct config_place backend_place;
};

struct config {
    char node[CONFIG_NAME_BYTES]; /* empty without a header line */
    uint64_t set;                 /* bit per number, duration and timeout that was written */
#define CONFIG_NUMBER_FIELD(field, word, least, most, value) uint32_t field;
    CONFIG_NUMBERS(CONFIG_NUMBER_FIELD)
#undef CONFIG_NUMBER_FIELD
#define CONFIG_DURATION_FIELD(field, word, least, most, value) uint64_t field;
    CONFIG_DURATIONS(CONFIG_DURATION_FIELD)
#undef CONFIG_DURATION_FIELD
    struct {
#define CONFIG_TIMEOUT_FIELD(field, word, value) uint64_t field;
        CONFIG_TIMEOUTS(CONFIG_TIMEOUT_FIELD)
#undef CONFIG_TIMEOUT_FIELD
    } timeout;
    uint32_t listens_count;
    uint32_t backends_count;
    uint32_t routes_count;
    struct config_listen listens[CONFIG_LISTENERS_MAX];
    struct config_backend backends[CONFIG_BACKENDS_MAX];
    struct config_route routes[CONFIG_ROUTES_MAX];
};

/* What is wrong and where. `source` and `message` are NUL-terminated, cut if need be. */
struct config_error {
    char file[1024];
    unsigned line; /* from 1; 0: about the whole file */
    unsigned col;  /* from 1, in bytes */
    char message[256];
    char source[160]; /* the line, or the part around the column */
    unsigned caret;   /* where in `source` the column is, from 0 */
};

/* Everything at its default, nothing listened on. */
void config_init(struct config *config);

/*
 * One line, without its line feed: a directive, or nothing but space and comment. `line_number` and
 * `col_first` (from 1) are where `line` begins. False with *err filled.
 */
MUST_CHECK bool config_parse_line(struct config *config, const char *line, size_t len,
                                  const char *file, unsigned line_number, unsigned col_first,
                                  struct config_error *err);

/* Is the first word of a line one of ours? For a caller whose block has other words as well. */
bool config_is_directive(const char *word, size_t len);

/* After the last line: what can only be seen then (routes name what exists, there is a listener).
 * `line_number` is the one to blame for what is missing. */
MUST_CHECK bool config_finish(struct config *config, const char *file, unsigned line_number,
                              struct config_error *err);

/* A whole file, whose first line is number `line_first`. */
MUST_CHECK bool config_parse(const char *text, size_t len, const char *file, unsigned line_first,
                             struct config *out, struct config_error *err);

/* Canonical text: what config_parse() reads to an equal value. Returns the length it has (without
 * the NUL), which is more than `size` allows if it was cut. */
size_t config_print(const struct config *config, char *out, size_t size);

/* "FILE:LINE:COL: MESSAGE", the line and a caret, each line ended. Returns the length, cut to
 * `size`. */
size_t config_error_print(const struct config_error *err, char *out, size_t size);

/* Reads "30s", prints "30s" (the largest unit that is exact). ns us ms s m h. */
MUST_CHECK bool config_duration_parse(const char *text, size_t len, uint64_t *ns);
size_t config_duration_print(uint64_t ns, char out[24]);

#endif
