#include "counter.h"

int step_size(void)
{
    return 1;
}
