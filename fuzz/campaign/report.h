/*
 * fuzz/campaign/report.h - the forms of a campaign's report.
 *
 * Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_REPORT_H
#define FUZZ_CAMPAIGN_REPORT_H

#include "fuzz/campaign/store.h"
#include "fuzz/campaign/summary.h"
#include "sim/input/buffer.h"

/* ---- parts of the page ---- */

/* Escaped. */
void report_put_text(struct buffer *out, const char *text);
void report_put_curves(struct store *store, const struct summary *summary, struct buffer *out);
void report_put_jobs(struct store *store, const struct summary *summary, struct buffer *out);
void report_put_unreached(struct store *store, struct buffer *out);
void report_put_commands(struct store *store, struct buffer *out);

/* ---- whole ---- */

/* One page, without anything from elsewhere. */
void report_print_page(struct store *store, const struct summary *summary, struct buffer *out);

/* As AFL++ writes them, for its own tools (afl-whatsup, afl-plot). */
void report_print_afl_stats(struct store *store, const struct summary *summary, struct buffer *out);
void report_print_afl_plot(struct store *store, const struct summary *summary, struct buffer *out);

/* Prometheus' text format. */
void report_print_metrics(struct store *store, const struct summary *summary, struct buffer *out);

#endif
