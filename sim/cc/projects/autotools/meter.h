#ifndef METER_H
#define METER_H

/* Counts one, from any thread: a load and a store, each atomic, which is the bug to find. */
void meter_tick(void);
int meter_value(void);

#endif
