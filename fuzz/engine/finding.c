#include "fuzz/engine/finding.h"

#include <stdio.h>
#include <stdlib.h>

void finding_abort(const char *title)
{
    fprintf(stderr, "finding: %s\n", title);
    fflush(stderr);
    abort();
}
