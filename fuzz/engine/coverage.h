/*
 * fuzz/engine/coverage.h - what the engine sees of an input, put aside for a while.
 *
 * Covered code that runs for one input and not for the next, because what it made is kept, would
 * make the coverage of an input depend on those before it. So it runs while coverage is paused.
 *
 * Owner: the process; not nested.  Threads: none, the engine runs on one.
 */
#ifndef FUZZ_ENGINE_COVERAGE_H
#define FUZZ_ENGINE_COVERAGE_H

/* From here to coverage_resume() nothing is counted. Nothing happens in programs without coverage.
 */
void coverage_pause(void);
void coverage_resume(void);

#endif
