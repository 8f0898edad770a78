/*
 * core/proxy/answer.h - answers that the proxy gives by itself.
 *
 * Threads: the exchange's worker.
 */
#ifndef CORE_PROXY_ANSWER_H
#define CORE_PROXY_ANSWER_H

struct exchange;

/* Any state without a response that has begun: lets go of the server and says `status`, with a line
 * of text. */
void answer_begin(struct exchange *exchange, unsigned status);

/* The same with the state of all servers. */
void answer_begin_list(struct exchange *exchange);

/* State ANSWER: says what there is room for. */
void answer_continue(struct exchange *exchange);

#endif
