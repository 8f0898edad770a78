#include "sim/input/laws.h"

#include <stdlib.h>
#include <string.h>

#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"

static bool is_same(const struct buffer *a, const struct buffer *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static const char *law_of_text(const struct scenario *scenario)
{
    struct buffer text = {0};
    struct buffer again = {0};
    struct scenario *parsed = NULL;
    struct diagnostics *diag = malloc(sizeof(*diag));
    const char *broken = NULL;

    if (diag == NULL)
        abort();
    diagnostics_init(diag);
    scenario_print(scenario, &text);
    if (text.len > SCENARIO_TEXT_BYTES_MAX)
        broken = "what is printed is no longer than a file may be";
    else if (!scenario_parse(text.data, text.len, "printed", &parsed, diag))
        broken = "what is printed can be parsed";
    else if (!scenario_equal(parsed, scenario))
        broken = "parse(print(s)) = s";
    if (parsed != NULL) {
        scenario_print(parsed, &again);
        if (broken == NULL && !is_same(&text, &again))
            broken = "print(parse(print(s))) = print(s)";
    }
    if (broken != NULL) {
        diagnostics_print(diag, stderr);
        fprintf(stderr, "%s\n", text.data);
    }
    free(diag);
    scenario_free(parsed);
    buffer_fini(&again);
    buffer_fini(&text);
    return broken;
}

static const char *law_of_code(const struct scenario *scenario)
{
    struct buffer bytes = {0};
    const char *broken = NULL;

    scenario_encode(scenario, &bytes);
    struct scenario *decoded = scenario_decode((const uint8_t *)bytes.data, bytes.len);
    if (!scenario_equal(decoded, scenario))
        broken = "decode(encode(s)) = s";
    else if (decoded->event_count != scenario->event_count ||
             decoded->actor_count != scenario->actor_count ||
             decoded->deviation_count != scenario->deviation_count)
        broken = "decode(encode(s)) runs as s does";
    scenario_free(decoded);
    buffer_fini(&bytes);
    return broken;
}

/* Half of its lines are a scenario too, if any is left that says something. */
static const char *law_of_keep(const struct scenario *scenario)
{
    bool *keep = calloc(scenario->line_count + 1, sizeof(*keep));
    const char *broken = NULL;
    uint32_t mix = (uint32_t)scenario->line_count;

    if (keep == NULL)
        abort();
    for (size_t i = 0; i < scenario->line_count; i++) {
        mix = mix * 1664525 + 1013904223;
        keep[i] = (mix >> 24 & 3) != 0;
    }
    struct scenario *kept = scenario_keep(scenario, keep);
    bool has_content = false;
    for (size_t i = 0; i < kept->line_count; i++)
        has_content |= kept->lines[i].form != FORM_BLANK && kept->lines[i].form != FORM_COMMENT;
    if (has_content)
        broken = law_of_text(kept);
    scenario_free(kept);
    for (size_t i = 0; i < scenario->line_count; i++)
        keep[i] = true;
    kept = scenario_keep(scenario, keep);
    if (broken == NULL && !scenario_equal(kept, scenario))
        broken = "keep(all) = s";
    scenario_free(kept);
    free(keep);
    return broken;
}

const char *laws_of_scenario(const struct scenario *scenario)
{
    const char *broken = law_of_text(scenario);

    if (broken == NULL)
        broken = law_of_code(scenario);
    return broken == NULL ? law_of_keep(scenario) : broken;
}

const char *laws_of_text(const char *text, size_t len)
{
    struct diagnostics *diag = malloc(sizeof(*diag));
    struct scenario *scenario = NULL;
    const char *broken = NULL;

    if (diag == NULL)
        abort();
    diagnostics_init(diag);
    if (scenario_parse(text, len, "text", &scenario, diag))
        broken = laws_of_scenario(scenario);
    else if (diag->error_count == 0)
        broken = "what is refused is refused for a reason";
    scenario_free(scenario);
    free(diag);
    return broken;
}

const char *laws_of_bytes(const uint8_t *data, size_t len)
{
    struct buffer first = {0};
    struct buffer second = {0};
    struct scenario *scenario = scenario_decode(data, len);

    scenario_encode(scenario, &first);
    struct scenario *again = scenario_decode((const uint8_t *)first.data, first.len);
    scenario_encode(again, &second);
    const char *broken =
        is_same(&first, &second) ? laws_of_scenario(scenario) : "encode(decode(b)) is stable";
    scenario_free(again);
    scenario_free(scenario);
    buffer_fini(&second);
    buffer_fini(&first);
    return broken;
}
