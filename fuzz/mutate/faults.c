/*
 * fuzz/mutate/faults.c - mutations of what goes wrong around the core. See operations.h.
 */
#include "fuzz/mutate/invent.h"
#include "fuzz/mutate/operations.h"

static bool is_fault(const struct edit_line *line)
{
    return line->line.form == FORM_FAULT;
}

/* Either an error or few bytes: a fault has one of both. */
static bool make_fault(struct edit *edit, size_t index)
{
    const struct form_info *info = form_info(FORM_FAULT);
    struct scenario_value *args = edit_args(edit, index);
    const size_t how = edit_one_in(edit, 3) ? PARAM_FAULT_BYTES : PARAM_FAULT_ERRNO;
    const size_t wanted[] = {PARAM_FAULT_SITE - PARAM_BASE_FAULT,
                             PARAM_FAULT_NTH - PARAM_BASE_FAULT, how - PARAM_BASE_FAULT};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (!invent_value(edit, &info->params[wanted[i]], &args[wanted[i]]))
            return false;
    struct scenario_value *site = &args[PARAM_FAULT_SITE - PARAM_BASE_FAULT];
    if (site->text.len == 5 && site->text.data[0] == 'a' && site->text.data[1] == 'l')
        args[how - PARAM_BASE_FAULT].is_present = false; /* alloc */
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
        return invent_value(edit, &info->params[PARAM_FAULT_ERRNO - PARAM_BASE_FAULT], error);
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
