#ifndef COUNTER_H
#define COUNTER_H

#ifdef __cplusplus
extern "C" {
#endif

/* Reads the counter and writes it back in two holds of its lock: the bug to find. */
void counter_add(int amount);
int counter_value(void);

/* Of the shared library. */
int step_size(void);

#ifdef __cplusplus
}
#endif

#endif
