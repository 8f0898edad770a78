/*
 * fuzz/campaign/report_curves.c - the report's part on how it came about: what was found, seen and
 * run over time.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "fuzz/campaign/census.h"
#include "fuzz/campaign/report.h"

enum { PLOT_WIDTH = 640, PLOT_HEIGHT = 160, PLOT_POINTS_MAX = 4096 };

struct point {
    int64_t ms;
    uint64_t value;
};

struct curve {
    struct point *points;
    size_t count;
};

static void add_point(struct curve *curve, int64_t ms, uint64_t value)
{
    if (curve->count == PLOT_POINTS_MAX) {
        /* Every other one will do. */
        for (size_t i = 0; i < PLOT_POINTS_MAX / 2; i++)
            curve->points[i] = curve->points[2 * i];
        curve->count = PLOT_POINTS_MAX / 2;
    }
    curve->points[curve->count++] = (struct point){ms, value};
}

static void put_curve(struct buffer *out, const char *name, const struct summary *summary,
                      const struct curve *curve)
{
    const uint64_t span = (uint64_t)(summary->last_ms - summary->first_ms) + 1;
    const uint64_t top = curve->count == 0 ? 0 : curve->points[curve->count - 1].value;

    buffer_printf(out,
                  "<h3>%s</h3>\n<svg viewBox=\"-60 -10 %d %d\" role=\"img\" aria-label=\"%s\">",
                  name, PLOT_WIDTH + 80, PLOT_HEIGHT + 40, name);
    buffer_printf(out, "<line x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>", PLOT_HEIGHT, PLOT_WIDTH,
                  PLOT_HEIGHT);
    buffer_printf(out, "<text x=\"-8\" y=\"8\" text-anchor=\"end\">%" PRIu64 "</text>", top);
    buffer_printf(out, "<text x=\"-8\" y=\"%d\" text-anchor=\"end\">0</text>", PLOT_HEIGHT);
    buffer_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%" PRIu64 "s</text>",
                  PLOT_WIDTH, PLOT_HEIGHT + 18, span / 1000);
    buffer_printf(out, "<polyline points=\"0,%d", PLOT_HEIGHT);
    for (size_t i = 0; i < curve->count; i++) {
        const uint64_t x = (uint64_t)(curve->points[i].ms - summary->first_ms) * PLOT_WIDTH / span;
        const uint64_t rise =
            top == 0 ? 0
                     : (uint64_t)((unsigned __int128)curve->points[i].value * PLOT_HEIGHT / top);
        buffer_printf(out, " %" PRIu64 ",%" PRIu64, x, PLOT_HEIGHT - rise);
    }
    buffer_append_text(out, "\"/></svg>\n");
}

static void add_feature_point(void *context, int64_t ms, uint64_t distinct)
{
    add_point(context, ms, distinct);
}

/* What the engines count, each job's highest so far. */
static void load_edges(struct store *store, struct curve *curve)
{
    sqlite3_stmt *rows = store_query(
        store,
        "SELECT ended_ms, edges - coalesce(max(edges) OVER (PARTITION BY job ORDER BY ended_ms, "
        "first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) FROM slice WHERE state = 1 "
        "AND edges > 0 ORDER BY ended_ms, job, first",
        "");
    uint64_t sum = 0;

    while (store_next(store, rows)) {
        const int64_t rise = sqlite3_column_int64(rows, 1);
        sum += rise > 0 ? (uint64_t)rise : 0;
        add_point(curve, sqlite3_column_int64(rows, 0), sum);
    }
}

void report_put_curves(struct store *store, const struct summary *summary, struct buffer *out)
{
    struct curve trials = {calloc(PLOT_POINTS_MAX, sizeof(struct point)), 0};
    struct curve titles = {calloc(PLOT_POINTS_MAX, sizeof(struct point)), 0};
    struct curve features = {calloc(PLOT_POINTS_MAX, sizeof(struct point)), 0};
    struct curve edges = {calloc(PLOT_POINTS_MAX, sizeof(struct point)), 0};
    uint64_t sum = 0;

    if (trials.points == NULL || titles.points == NULL || features.points == NULL ||
        edges.points == NULL)
        abort();
    sqlite3_stmt *rows = store_query(
        store, "SELECT ended_ms, trials FROM slice WHERE state = 1 ORDER BY ended_ms, job, first",
        "");
    while (store_next(store, rows)) {
        sum += (uint64_t)sqlite3_column_int64(rows, 1);
        add_point(&trials, sqlite3_column_int64(rows, 0), sum);
    }
    sum = 0;
    rows = store_query(
        store, "SELECT min(ms) AS first FROM sighting GROUP BY title ORDER BY first, title", "");
    while (store_next(store, rows)) {
        /* A step, not a slope. */
        add_point(&titles, sqlite3_column_int64(rows, 0), sum);
        add_point(&titles, sqlite3_column_int64(rows, 0), ++sum);
    }
    add_point(&titles, summary->last_ms, sum);
    buffer_append_text(out, "<h2>Over time</h2>\n");
    put_curve(out, "Distinct titles", summary, &titles);
    census_curve(store, add_feature_point, &features);
    if (features.count > 0)
        put_curve(out, "Features of behaviour, all jobs together", summary, &features);
    load_edges(store, &edges);
    if (edges.count > 0)
        put_curve(out, "Edges of the code, all fuzz targets together", summary, &edges);
    put_curve(out, "Trials", summary, &trials);
    free(trials.points);
    free(titles.points);
    free(features.points);
    free(edges.points);
}
