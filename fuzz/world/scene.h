/*
 * fuzz/world/scene.h - what an input is about, apart from its recorded part.
 *
 * Two inputs of one scene differ in nothing but their schedules and what was drawn.
 *
 * Threads: any.
 */
#ifndef FUZZ_WORLD_SCENE_H
#define FUZZ_WORLD_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t scene_hash(const uint8_t *data, size_t len);

/* Whether people wrote this scene, and mean it: what it expects holds in each of its schedules.
 * False in programs that no list of them is linked to (fuzz.bzl, fuzz_scenes). */
bool scene_is_shipped(uint64_t scene);

#endif
