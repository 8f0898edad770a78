/*
 * fuzz/campaign/corpus.h - the inputs of a fuzz target: DIR/corpus/TARGET/HASH, files named by what
 * is in them, shared by all engines and builds.
 *
 * The folder is the truth, and at any moment it reaches what it ever reached: files are renamed
 * into it whole, and leave it only when a least set of it, which is there, reaches the same.
 * Engines never work in the folder itself, but on links to what was in it when they began.
 *
 * Owner: the campaign's process.  Threads: one.
 */
#ifndef FUZZ_CAMPAIGN_CORPUS_H
#define FUZZ_CAMPAIGN_CORPUS_H

#include <stdbool.h>
#include <stddef.h>

#include "fuzz/campaign/campaign.h"

/* Makes the folder of corpus->target, counts, and looks for a program that makes it least. */
void corpus_open(struct store *store, struct corpus *corpus);

/* Links into `to` what of `from` is not there yet. */
bool corpus_link(const char *from, const char *to);

/* Takes the files of `from` over into `folder`; how many were new there. A file that cannot be
 * taken is told and stays. */
size_t corpus_take(const char *folder, const char *from);

/* `before` was in the folder, and `least`, which is in it too, reaches as much: the rest of
 * `before` leaves. */
void corpus_shed(const char *folder, const char *before, const char *least);

size_t corpus_count(const char *folder);

/* Every corpus of the campaign in `from` is added to those of the one in `to`. */
bool corpus_merge(const char *to, const char *from);

#endif
