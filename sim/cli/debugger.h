/*
 * sim/cli/debugger.h - a replay under gdb: it stops at the failing step, and at any other.
 *
 * Owner: the process.  Threads: one; debugger_step() runs on the stepping thread's stack.
 */
#ifndef SIM_CLI_DEBUGGER_H
#define SIM_CLI_DEBUGGER_H

#include <stdbool.h>
#include <stdint.h>

/* Becomes gdb on this program with `command` and the words behind it, without --gdb. Returns only
 * when it cannot: an exit code after a message. */
int debugger_start(const char *command, int argc, char *const *argv);

/* Whether this process was started by debugger_start(). Stops where a finding is noted, or at the
 * step that the debugger asked for, from here on. */
bool debugger_arm(void);

/* Of a recorded run, before each step. */
extern bool debugger_is_armed;
void debugger_step(uint64_t step);

#endif
