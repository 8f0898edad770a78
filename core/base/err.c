#include "core/base/err.h"

#include <stddef.h>

#include "core/base/attr.h"

static const struct {
    const char *name;
    const char *text;
} errors[] = {{"ERR_NONE", "no error"},
#define ERR_ROW_(name, text) {"ERR_" #name, text},
              ERR_LIST(ERR_ROW_)
#undef ERR_ROW_
};

static size_t index_of(int code)
{
    unsigned magnitude = code < 0 ? 0U - (unsigned)code : (unsigned)code;

    BUG_ON(magnitude >= ARRAY_LEN(errors));
    return magnitude;
}

const char *err_name(int code)
{
    return errors[index_of(code)].name;
}

const char *err_text(int code)
{
    return errors[index_of(code)].text;
}
