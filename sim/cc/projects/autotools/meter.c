#include "config.h"

#include "meter.h"

#ifdef HAVE_STDATOMIC_H
#include <stdatomic.h>
static atomic_int value;
#else
#error "no C11 atomics"
#endif

void meter_tick(void)
{
    atomic_store(&value, atomic_load(&value) + 1);
}

int meter_value(void)
{
    return atomic_load(&value);
}
