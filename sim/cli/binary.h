/*
 * sim/cli/binary.h - whether a file is a program that the tool can start, told from the file alone.
 *
 * Threads: any.
 */
#ifndef SIM_CLI_BINARY_H
#define SIM_CLI_BINARY_H

/* 0, or the exit code after one line that says what is wrong and what to do. */
int binary_check(const char *path);

#endif
