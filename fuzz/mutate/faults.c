/*
 * fuzz/mutate/faults.c - mutations of what goes wrong around the core. See operations.h.
 */
#include <string.h>

#include "fuzz/mutate/invent.h"
#include "fuzz/mutate/operations.h"
#include "fuzz/world/lawful.h"

static bool is_fault(const struct edit_line *line)
{
    return line->line.form == FORM_FAULT;
}

static struct scenario_value *arg_of(struct scenario_value *args, enum scenario_param param)
{
    return &args[param - PARAM_BASE_FAULT];
}

/* Another error of the same call. */
static void draw_error(struct edit *edit, struct scenario_value *args)
{
    const struct bytes *call = &arg_of(args, PARAM_FAULT_SITE)->text;
    struct scenario_value *error = arg_of(args, PARAM_FAULT_ERRNO);
    size_t count;
    const struct lawful_fault *faults = lawful_faults(&count);

    for (size_t i = edit_below(edit, count), left = count; left > 0; left--, i = (i + 1) % count) {
        if (strlen(faults[i].call) != call->len ||
            memcmp(faults[i].call, call->data, call->len) != 0)
            continue;
        error->is_present = faults[i].error != 0;
        error->word = faults[i].error;
        return;
    }
}

/* Either an error or few bytes: a fault has one of both. */
static bool make_fault(struct edit *edit, size_t index)
{
    const struct form_info *info = form_info(FORM_FAULT);
    struct scenario_value *args = edit_args(edit, index);
    struct scenario_value *site = arg_of(args, PARAM_FAULT_SITE);
    struct scenario_value *nth = arg_of(args, PARAM_FAULT_NTH);

    if (!invent_value(edit, &info->params[PARAM_FAULT_SITE - PARAM_BASE_FAULT], site))
        return false;
    nth->is_present = true;
    nth->range.min = 1 + edit_below(edit, edit_one_in(edit, 2) ? 4 : 40);
    nth->range.max = nth->range.min;
    if (lawful_is_short((const char *)site->text.data, site->text.len) && edit_one_in(edit, 3)) {
        struct scenario_value *bytes = arg_of(args, PARAM_FAULT_BYTES);
        bytes->is_present = true;
        bytes->range.min = 1 + edit_below(edit, 10);
        bytes->range.max = bytes->range.min;
    } else {
        draw_error(edit, args);
    }
    return true;
}

bool operation_fault_add(struct edit *edit)
{
    static const enum scenario_form forms[] = {FORM_FAULT, FORM_FAULT, FORM_FAULT,
                                               FORM_FAULT, FORM_STALL, FORM_LINK,
                                               FORM_CUT,   FORM_HEAL,  FORM_SKEW};
    const enum scenario_form form = forms[edit_below(edit, sizeof(forms) / sizeof(forms[0]))];
    const size_t place = edit_event_place(edit);

    if (edit_insert(edit, place, form) == NULL)
        return false;
    struct scenario_line *line = &edit->lines[place].line;
    if ((form != FORM_FAULT && form != FORM_LINK) || edit_one_in(edit, 2)) {
        const uint64_t ns = edit_below(edit, 100) * 10000;
        line->when = (struct scenario_when){.kind = WHEN_AFTER, .ns = {ns, ns}};
    }
    const bool is_good =
        form == FORM_FAULT ? make_fault(edit, place) : invent_arguments(edit, place);
    if (!is_good)
        edit_remove(edit, place);
    return is_good;
}

bool operation_fault_edit(struct edit *edit)
{
    const size_t index = edit_find(edit, is_fault);
    const struct form_info *info = form_info(FORM_FAULT);

    if (index == edit->count)
        return false;
    struct scenario_value *args = edit_args(edit, index);
    struct scenario_value *nth = &args[PARAM_FAULT_NTH - PARAM_BASE_FAULT];
    struct scenario_value *error = &args[PARAM_FAULT_ERRNO - PARAM_BASE_FAULT];
    if (edit_one_in(edit, 4)) {
        edit_remove(edit, index);
    } else if (error->is_present && edit_one_in(edit, 3)) {
        draw_error(edit, args);
    } else {
        const uint64_t was = nth->is_present ? nth->range.min : 1;
        nth->is_present = true;
        nth->range.min = edit_one_in(edit, 2) || was == 1 ? was + 1 : was - 1;
        if (nth->range.min > info->params[PARAM_FAULT_NTH - PARAM_BASE_FAULT].most)
            nth->range.min = was;
        nth->range.max = nth->range.min;
    }
    return true;
}
