/*
 * sim/input/draft.h - a scenario in the making: lines are added one by one, and checked.
 *
 * Text, bytes and edits of another scenario all end here, so that what holds for one holds for all.
 * With diagnostics a refused line is an error there; without, it is dropped.
 *
 * Owner: the caller's storage.  Threads: one at a time.
 */
#ifndef SIM_INPUT_DRAFT_H
#define SIM_INPUT_DRAFT_H

#include "sim/input/bump.h"
#include "sim/input/diagnostics.h"
#include "sim/input/forms.h"
#include "sim/input/scenario.h"

enum {
    DRAFT_COMMENT_BYTES_MAX = 4096,
    DRAFT_DIRECTIVE_BYTES_MAX = 4000, /* the core's lines have at most 4096 */
};

struct declaration {
    enum scenario_actor_kind kind;
    struct bytes name;
    uint16_t copies_max; /* 0: no copies, one actor */
    uint16_t actor_first;
    bool is_automatic; /* has no script of its own */
    enum scenario_protocol protocol;
    bool may_talk; /* server: has `<` or `>` lines */
};

struct draft {
    struct bump *memory;
    struct diagnostics *diag; /* NULL: drop what is wrong */
    uint32_t line;            /* of the file, for messages; 0 without one */
    struct scenario_line *lines;
    size_t line_count;
    size_t line_capacity;
    struct declaration *declarations;
    size_t declaration_count;
    size_t declaration_capacity;
    size_t actor_count;
    size_t event_count;
    size_t deviation_count;
    size_t cost_bytes; /* at least what the lines take when printed */
    /* Names of declarations that were wrong: that nobody has them is no error of its own. */
    struct bytes wrong_names[DIAGNOSTICS_MAX];
    size_t wrong_name_count;
    bool is_in_node;  /* directives may follow */
    bool has_content; /* a line that is neither blank nor a comment */
    bool has_end;
    bool has_schedule;
    bool was_set[FORM_COUNT]; /* settings that may be there once */
};

void draft_init(struct draft *draft, struct diagnostics *diag);
/* What draft_finish() has not taken. */
void draft_fini(struct draft *draft);

/* Reports it if there is somebody to tell. Always false, to return. */
bool draft_error(struct draft *draft, uint32_t column, const char *format, ...) PRINTF_LIKE(3, 4);
void draft_warning(struct draft *draft, uint32_t column, const char *format, ...) PRINTF_LIKE(3, 4);

/* The actor or actors declared so far by that name. */
bool draft_find(const struct draft *draft, const char *name, size_t len, struct scenario_ref *ref);

/* No actor is called so, and that was said already: its declaration is wrong. */
bool draft_is_wrong_name(const struct draft *draft, const char *name, size_t len);
void draft_add_wrong_name(struct draft *draft, struct bytes name);

/* The name of a reference, as written in text. */
void draft_append_ref(const struct scenario_line *lines, size_t line_count,
                      const struct scenario_ref *ref, struct buffer *out);

enum scenario_actor_kind draft_kind(const struct draft *draft, const struct scenario_ref *ref);

/* Fills the actors of a reference whose declaration and copy are set. */
void draft_fill_ref(const struct draft *draft, struct scenario_ref *ref);

/* Adds the line if it may stand here. Its arguments are complete, their values within bounds, their
 * memory the draft's. */
MUST_CHECK bool draft_add(struct draft *draft, const struct scenario_line *line);

/* Puts a comment behind the line that was added last, if it can have one. */
void draft_remark(struct draft *draft, struct bytes comment);

/* Builds what the world runs. The draft is empty afterwards. */
struct scenario *draft_finish(struct draft *draft);

#endif
