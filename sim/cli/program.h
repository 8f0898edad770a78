/*
 * sim/cli/program.h - a program of the user's as the target of a command.
 *
 * A program built with `heddle cc` has the whole simulator in it, this command line included. The
 * tool therefore runs the program in its own place, with the words it was given; there the same
 * command goes on, and finds that the program is here.
 *
 * Owner: the process.  Threads: one.
 */
#ifndef SIM_CLI_PROGRAM_H
#define SIM_CLI_PROGRAM_H

#include <stdbool.h>

#include "sim/foreign/foreign.h"
#include "sim/input/scenario.h"

/* In a program's environment: the tool that started it, for commands that people paste. */
#define PROGRAM_TOOL_VARIABLE "HEDDLE_TOOL"

/* The words of the command line, for program_enter(). Borrowed for good. */
void program_remember_words(int argc, char **argv);

/* Whether the file at `path` is an executable and no scenario. */
bool program_is_executable(const char *path);

/* Whether it is something that another program interprets. */
bool program_is_script(const char *path);

/* The text of a scenario that runs nothing but this program. */
struct buffer;
bool program_scenario(const char *path, const char *const *args, size_t arg_count,
                      struct buffer *out);

/* The first node's `program` line; NULL when the scenario has none. */
const struct scenario_value *program_words(const struct scenario *scenario);

/* Becomes the program at `path`, with the words of this command line. Returns only when it cannot:
 * an exit code after a message. 0 when this process is that program already. */
int program_enter(const char *path);

/* Set in the environment of a program that is to answer one question and end: see isolate.c. */
#define PROGRAM_PROBE_VARIABLE "HEDDLE_PROBE"

/* Starts this process's program once more with the same words, and `question` in that variable, and
 * waits until it ends. False when it failed or took longer than `seconds_max`. */
bool program_ask(const char *question, unsigned seconds_max);

/* Fills `spec` with the program's words and finds its file: a relative path is the current folder's
 * or else the scenario's. What it points to lives as long as the process. */
void program_fill(const struct scenario_value *words, const char *scenario_path,
                  struct foreign_spec *spec);

#endif
