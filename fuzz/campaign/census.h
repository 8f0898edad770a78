/*
 * fuzz/campaign/census.h - sketches of behaviour as the store keeps them, and those of a job.
 *
 * A feature is named by places in the program, so a sketch says which program it is of, and those
 * of others are not added to it: when a campaign goes on with another build, counting begins anew.
 *
 * Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_CENSUS_H
#define FUZZ_CAMPAIGN_CENSUS_H

#include <json-c/json.h>
#include <stdbool.h>

#include "fuzz/campaign/store.h"
#include "sim/search/sketch.h"

enum { CENSUS_BYTES_MAX = 32 + SKETCH_KEYS_MAX * 5 };

/* Of the summary that `heddle explore --sketch --json` ends with; empty when it has none. */
void census_read(struct json_object *summary, struct sketch *out);

/* Keeps which MARK()s of the core its runs have passed, in meta as mark:NAME. */
void census_keep_marks(struct store *store, struct json_object *summary);
bool census_has_mark(struct store *store, const char *name);

/* As it is stored; returns its size. */
size_t census_pack(const struct sketch *sketch, const char *program, uint8_t out[CENSUS_BYTES_MAX]);

/* How many features all jobs together had shown when each slice had ended, in order of time. */
void census_curve(struct store *store, void (*each)(void *context, int64_t ms, uint64_t distinct),
                  void *context);

/* Adds up all slices of a job that are of the program that worked last. */
void census_of_job(struct store *store, const char *job, struct sketch *out);

#endif
