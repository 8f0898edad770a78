/*
 * core/proxy/config_parts.h - the directives with many options: listen and backend.
 *
 * Threads: any, one at a time for each object.
 */
#ifndef CORE_PROXY_CONFIG_PARTS_H
#define CORE_PROXY_CONFIG_PARTS_H

#include <stdbool.h>

#include "core/base/attr.h"

struct config;
struct config_line;
struct config_out;

/* Each reads the words behind the directive's own. False: line->err says why. */
MUST_CHECK bool config_parse_listen(struct config *config, struct config_line *line);
MUST_CHECK bool config_parse_backend(struct config *config, struct config_line *line);

/* All of a kind, one a line. */
void config_print_listens(const struct config *config, struct config_out *out);
void config_print_backends(const struct config *config, struct config_out *out);

#endif
