/*
 * sim/input/parse_test.c - what each form says, as text and as what the world runs.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/choice/choice.h"
#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/forms.h"
#include "sim/input/scenario.h"

NORETURN void core_bug(const char *file, int line, const char *func, const char *expr)
{
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, func, expr);
    abort();
}

static struct scenario *parse(const char *text)
{
    struct scenario *scenario = NULL;
    struct diagnostics diag;

    diagnostics_init(&diag);
    if (!scenario_parse(text, strlen(text), "f", &scenario, &diag)) {
        diagnostics_print(&diag, stderr);
        fail_msg("does not parse: %s", text);
    }
    return scenario;
}

static void expect_print(const char *text, const char *want)
{
    struct scenario *scenario = parse(text);
    struct buffer printed = {0};

    scenario_print(scenario, &printed);
    assert_string_equal(printed.data, want);
    buffer_fini(&printed);
    scenario_free(scenario);
}

/* The example of the design, word by word; canonical text of it. */
static const char design_example[] =
    "# A soft stop closes the listener while another worker is inside accept().\n"
    "# Guards against fd-delete-waits: the deleter spins for the runner, the runner wants the "
    "deleter's lock.\n"
    "node p\n"
    "    workers 2\n"
    "    listen fe 10.0.0.1:80 h1\n"
    "    backend app 10.0.1.1:8080 h1\n"
    "client c1 10.9.0.1\n"
    "server s1 10.0.1.1:8080\n"
    "\n"
    "+0us   c1 connect 10.0.0.1:80\n"
    "+0us   c1 > GET /a HTTP/1.1\n"
    "..5ms  s1 < GET /a\n"
    "+1us   p soft-stop\n"
    "end    quiet                     # nothing left: no connection, fd, timer, task, reference\n";

static void the_designs_example_is_read(void **state)
{
    struct scenario *scenario = parse(design_example);

    (void)state;
    assert_int_equal(scenario->actor_count, 3);
    const struct scenario_actor *p = scenario_actor(scenario, "p");
    const struct scenario_actor *c1 = scenario_actor(scenario, "c1");
    const struct scenario_actor *s1 = scenario_actor(scenario, "s1");
    assert_ptr_equal(p, &scenario->actors[0]);
    assert_int_equal(p->kind, ACTOR_NODE);
    assert_int_equal(p->directive_count, 3);
    assert_int_equal(scenario->lines[p->directive_lines[1]].number, 5);
    assert_int_equal(p->script.count, 1);
    assert_int_equal(p->script.events[0].form, FORM_SOFT_STOP);
    assert_int_equal(p->script.events[0].when.ns.min, 1000);
    assert_int_equal(c1->kind, ACTOR_CLIENT);
    assert_int_equal(c1->script.count, 2);
    const struct scenario_event *connect = &c1->script.events[0];
    assert_int_equal(connect->form, FORM_CONNECT);
    assert_int_equal(connect->actor, 1);
    assert_int_equal(SCENARIO_ARG(connect, CONNECT, TO)->addr.port, 80);
    assert_int_equal(connect->line->number, 10);
    assert_int_equal(s1->kind, ACTOR_SERVER);
    assert_int_equal(s1->addr.port, 8080);
    assert_false(s1->is_automatic);
    const struct scenario_event *asked = &s1->script.events[0];
    assert_int_equal(asked->form, FORM_ASKED);
    assert_int_equal(asked->when.kind, WHEN_WITHIN);
    assert_int_equal(asked->when.ns.max, 5000000);
    assert_int_equal(asked->order, 2);
    assert_string_equal((const char *)SCENARIO_ARG(asked, ASKED, PATH)->text.data, "/a");
    assert_int_equal(scenario->end, END_QUIET);
    assert_int_equal(scenario->event_count, 4);
    assert_null(scenario->found);
    assert_int_equal(scenario->expect, -1);
    scenario_free(scenario);
}

struct example {
    const char *text;
    const char *want; /* NULL: the same */
};

#define ACTORS "node p\nclient c1 10.9.0.1\nserver s1 10.0.1.1:80\n"

static const struct example examples[] = {
    /* white space, blank lines, comments */
    {"\n\nnode  p \r\n\n\n\n", "node p\n"},
    {"  # above\nnode p   #why\n\t# inside  \n\tworkers\t2\n # below\n#\n",
     "# above\nnode p                          # why\n    # inside\n    workers 2\n# below\n#\n"},
    {"node p\n    listen fe a#b #c\n", "node p\n    listen fe a#b               # c\n"},
    {"client c1 10.9.0.1 #", "client c1 10.9.0.1              #\n"},
    /* declarations */
    {"client c fd00:0::1 x3 raw\n", "client c fd00::1 x3 raw\n"},
    {"client c 10.9.0.1 x2..3 load body=0..10 keep-alive path=/x=1#2 to=[::1]:80 abort=0.5% "
     "start=0..1ms gap=1us..1ms requests=1..5\n",
     "client c 10.9.0.1 x2..3 load to=[::1]:80 requests=1..5 path=/x=1#2 body=0..10 start=0..1ms "
     "gap=1us..1ms abort=0.5% keep-alive\n"},
    {"server s1 10.0.1.1:8080 h1 auto delay=1000us body=5..5 chunked=0..100% close=10% abort=1%\n",
     "server s1 10.0.1.1:8080 h1 auto delay=1ms body=5 chunked=0..100% close=10% abort=1%\n"},
    {"version 1\nbound 5s..10s\nsteps 20000\nplant K01\nexpect deadlock \"deadlock: a -> b\"\n",
     NULL},
    {"points sync\n", NULL},
    {"node p\n    timeout client 1ms..5ms\n    workers 2..4\n    x a:1..2 fe1..2 3..2 1..2..3\n",
     NULL},
    /* the world */
    {ACTORS "link c1-p delay=0..5ms loss=1% dup=0.0001% reorder\nlink *-s1\nlink p>*\n", NULL},
    {ACTORS "cut c1-p\n+1ms   cut c1-p\n@2ms   heal c1-p\n+0us   heal\n", NULL},
    {ACTORS "fault p.accept nth=1..3 count=2 errno=EMFILE\n+1ms   fault p.read bytes=1\n"
            "fault p.alloc nth=3\n",
     NULL},
    {ACTORS "stall p.w2 5ms\n+1ms   skew p +2s\n+1ms   skew p -0ms\n",
     ACTORS "stall p.w2 5ms\n+1ms   skew p +2s\n+1ms   skew p +0us\n"},
    /* verbs */
    {ACTORS "+0us   p soft-stop\n+0us   p hard-stop\n+0us   p signal USR1\n+0us   p kill\n"
            "+0us   p start\n+0us   p pause-listeners\n+0us   p resume-listeners\n"
            "+0us   p show\n",
     NULL},
    {ACTORS "+0us   c1 connect 10.0.0.1:80\n+0us   c1 > POST /a HTTP/1.0 host=a.b body=1..2 "
            "header=\"X: y\" chunked close keep-alive\n..1s   c1 < 200..299 body=0..5\n",
     NULL},
    {ACTORS "..1s   s1 < GET /a body=3\n+1ms   s1 > 200 HTTP/1.1 body=0 header=\"\" chunked "
            "close\n+0us   s1 accept off\n+0us   s1 accept on\n+0us   s1 refuse\n",
     NULL},
    {ACTORS "+0us   c1 send \"a\\r\\n\\t\\0\\\\\\\"\\x7f\"\n+0us   c1 send x\"00 FF\"\n"
            "+0us   c1 recv \"x\"\n+0us   s1 recv 1..5\n+0us   s1 send x\"61626364656667ff\"\n",
     ACTORS "+0us   c1 send \"a\\r\\n\\t\\x00\\\\\\\"\\x7f\"\n+0us   c1 send x\"00ff\"\n"
            "+0us   c1 recv \"x\"\n+0us   s1 recv 1..5\n+0us   s1 send \"abcdefg\\xff\"\n"},
    {ACTORS "..1s   c1 eof\n..1s   c1 rst\n+0us   c1 close\n+0us   c1 reset\n+0us   c1 shutdown\n"
            "+0us   c1 pause\n+0us   c1 pause 5ms\n+0us   c1 resume\n+0us   c1 window 1..2\n",
     NULL},
    {"client c 10.9.0.1 h2 tls\nclient d 10.9.0.2 x2 h2 load window=0 short=1% slow=2% streams=8 "
     "to=10.0.0.1:80 tls\n",
     "client c 10.9.0.1 h2 tls\nclient d 10.9.0.2 x2 h2 load to=10.0.0.1:80 tls streams=8 "
     "slow=2% short=1% window=0\n"},
    {"server a 10.0.1.1:80 h2 auto abort=1% tls tickets=20% idle-close=30% short=5% pause=0..1ms "
     "slow=10% streams=2..4 window=100\nserver b 10.0.1.2:80 fcgi auto mpxs\n"
     "server r 10.0.1.3:80 raw tls\n",
     NULL},
    {"client c 10.9.0.1 h2\n+0us   c > POST /a body=1 chunked open\n+0us   c rst-stream\n"
     "+0us   c rst-stream 3\n+0us   c rst-stream CANCEL\n+0us   c rst-stream 1..5 NO_ERROR\n"
     "+0us   c goaway 0 ENHANCE_YOUR_CALM\n+0us   c ping\n+0us   c settings\n"
     "+0us   c settings header-table=0 push=2 streams=1 window=4294967295 frame=1 list=5\n"
     "+0us   c window-update 0\n+0us   c window-update 5 stream=1\n+0us   c frame 0 1 1\n"
     "+0us   c frame 255 0..255 4294967295 \"x\"\n..1s   c got goaway code=PROTOCOL_ERROR\n"
     "..1s   c got rst-stream stream=1 code=CANCEL\n..1s   c < 200 body=1 stream=3\n",
     NULL},
    {"server s 10.0.1.1:80 h2\n..1s   s < GET /a\n+0us   s > 200 body=1 close stream=3 open\n",
     NULL},
    {"server s 10.0.1.1:80 fcgi\n..1s   s < GET /a\n+0us   s stderr \"\"\n+0us   s > 200 open\n"
     "+0us   s record 6 1..2 \"x\"\n+0us   s record 3 1\n",
     NULL},
    /* times */
    {ACTORS "+1000ns c1 close\n+60s c1 close\n+0s..1000000us c1 close\n@1ms..2ms c1 close\n"
            "+1500us c1 close\n",
     ACTORS "+1us   c1 close\n+1m    c1 close\n+0..1s c1 close\n@1ms..2ms c1 close\n"
            "+1500us c1 close\n"},
    {ACTORS "end\tquiet", ACTORS "end    quiet\n"},
    {ACTORS "end any # so\n", ACTORS "end    any                      # so\n"},
    /* the recorded part */
    {ACTORS "found seed=0x9e3779b97f4a7c15 trial=123 strategy=pct,d=3 trace=0x0 title=\"a / b\"\n"
            "sched w2@17 -> w0               # fd_delete:closing\npick p.w1.short-read@3 = 2\n",
     NULL},
    {ACTORS "found\nprio w1@3  zoo= \"x y\" 5 # old\npick w1.gone@3 = 2\n",
     ACTORS "found\nprio w1@3  zoo= \"x y\" 5         # old\npick w1.gone@3 = 2\n"},
};

static void forms_print_in_one_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        const char *want = examples[i].want == NULL ? examples[i].text : examples[i].want;
        expect_print(examples[i].text, want);
        expect_print(want, want);
    }
}

/* Every form of the table occurs in the examples above, so that none is forgotten. */
static void every_form_has_an_example(void **state)
{
    bool was_seen[FORM_COUNT] = {false};

    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        struct scenario *scenario = parse(examples[i].text);
        for (size_t line = 0; line < scenario->line_count; line++)
            was_seen[scenario->lines[line].form] = true;
        scenario_free(scenario);
    }
    was_seen[FORM_BLANK] = true;
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (!was_seen[i])
            fail_msg("no example of '%s'", scenario_form_keyword((enum scenario_form)i));
    }
}

/* Codes are what old files are made of. */
static void codes_are_distinct(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORM_COUNT; i++)
        assert_int_equal(form_by_code(form_info((enum scenario_form)i)->code), i);
}

static void copies_are_actors_of_their_own(void **state)
{
    struct scenario *scenario = parse("node p\nclient c 10.9.0.1 x2..3\nclient d 10.9.0.2\n"
                                      "cut c-*\n+0us c connect 10.0.0.1:80\n+0us c2 close\n"
                                      "+1us cut c3>d\n+0us d connect 10.0.0.1:80\n");

    (void)state;
    assert_int_equal(scenario->actor_count, 5);
    assert_int_equal(scenario->event_count, 7);
    const struct scenario_actor *c2 = scenario_actor(scenario, "c2");
    assert_ptr_equal(c2, &scenario->actors[2]);
    assert_int_equal(c2->copy, 2);
    assert_int_equal(c2->copies.min, 2);
    assert_int_equal(c2->copies.max, 3);
    assert_int_equal(c2->script.count, 2);
    assert_int_equal(c2->script.events[1].form, FORM_CLOSE);
    assert_int_equal(scenario_actor(scenario, "c1")->script.count, 1);
    assert_null(scenario_actor(scenario, "c"));
    const struct scenario_value *cut = SCENARIO_ARG(&scenario->setup.events[0], CUT, PAIR);
    assert_int_equal(scenario->setup.count, 1);
    assert_int_equal(cut->a.actor_first, 1);
    assert_int_equal(cut->a.actor_count, 3);
    assert_int_equal(cut->b.actor_first, 0);
    assert_int_equal(cut->b.actor_count, 5);
    cut = SCENARIO_ARG(&scenario->world.events[0], CUT, PAIR);
    assert_int_equal(scenario->world.count, 1);
    assert_true(cut->is_one_way);
    assert_int_equal(cut->a.actor_first, 3);
    assert_int_equal(cut->b.actor_first, 4);
    scenario_free(scenario);
}

static void values_are_resolved(void **state)
{
    struct scenario *scenario = parse(
        "version 1\nbound 1s..2s\nsteps 5..6\npoints memory\nplant K01\nexpect deadlock \"t\"\n"
        "node p\n    workers 2..4\nclient c 10.9.0.1 load to=[fd00::5]:81\n"
        "server s 10.0.1.1:80 auto delay=1us..2us\nserver r 10.0.1.2:80 raw\n"
        "fault p.accept nth=2..3 errno=EMFILE\n+0us p signal TERM\n+0us r accept on\n"
        "+0us r send x\"00ff\"\nend any\nfound seed=0xff trial=7 title=\"x\"\n"
        "sched w2@17 -> w0\npick p.w1.short-read@3 = 2\npick w1.gone@3 = 2\n");
    const struct scenario_event *fault = &scenario->setup.events[0];

    (void)state;
    assert_int_equal(scenario->bound_ns.max, 2000000000);
    assert_int_equal(scenario->steps_max.min, 5);
    assert_true(scenario->has_memory_points);
    assert_int_equal(scenario->plant_count, 1);
    assert_int_equal(scenario->plants[0], word_plant("K01", 3));
    assert_int_equal(scenario->expect, word_verdict("deadlock", 8));
    assert_string_equal((const char *)scenario->expect_title.data, "t");
    assert_int_equal(scenario->end, END_ANY);
    assert_int_equal(SCENARIO_ARG(fault, FAULT, NTH)->range.max, 3);
    assert_int_equal(SCENARIO_ARG(fault, FAULT, ERRNO)->word, EMFILE);
    assert_string_equal((const char *)SCENARIO_ARG(fault, FAULT, SITE)->text.data, "accept");
    const struct scenario_actor *c = scenario_actor(scenario, "c");
    assert_true(c->is_automatic);
    assert_int_equal(SCENARIO_ARG(c, CLIENT, TO)->addr.family, AF_INET6);
    assert_false(SCENARIO_ARG(c, CLIENT, BODY)->is_present);
    assert_true(scenario_actor(scenario, "s")->is_automatic);
    const struct scenario_actor *r = scenario_actor(scenario, "r");
    assert_false(r->is_automatic);
    assert_int_equal(r->protocol, PROTOCOL_RAW);
    assert_int_equal(SCENARIO_ARG(&r->script.events[0], ACCEPT, SWITCH)->word, 1);
    assert_int_equal(r->script.events[1].wire.len, 2);
    assert_memory_equal(r->script.events[1].wire.data, "\x00\xff", 2);
    const struct scenario_actor *p = scenario_actor(scenario, "p");
    assert_int_equal(SCENARIO_ARG(&p->script.events[0], SIGNAL, NAME)->word, SIGTERM);
    const struct scenario_value *words =
        SCENARIO_ARG(&scenario->lines[p->directive_lines[0]], DIRECTIVE, WORDS);
    assert_int_equal(words->word_count, 2);
    assert_true(words->words[1].has_range);
    assert_int_equal(words->words[1].column, 13);
    assert_int_equal(SCENARIO_ARG(scenario->found, FOUND, SEED)->range.min, 0xff);
    assert_int_equal(scenario->deviation_count, 2);
    assert_int_equal(scenario->deviations[0].class, CHOICE_SCHED);
    assert_string_equal(scenario->deviations[0].who, "w2");
    assert_string_equal(scenario->deviations[0].thread, "w0");
    assert_int_equal(scenario->deviations[0].count, 17);
    assert_int_equal(scenario->deviations[1].class, CHOICE_SHORT_READ);
    assert_string_equal(scenario->deviations[1].who, "p.w1");
    assert_int_equal(scenario->deviations[1].value, 2);
    scenario_free(scenario);
}

/* Dropping a line drops what then has no meaning, and nothing else. */
static void kept_lines_stay_a_scenario(void **state)
{
    struct scenario *scenario =
        parse("node p\n    workers 2\nclient c 10.9.0.1\nclient d 10.9.0.2\n"
              "+0us c connect 10.0.0.1:80\n+0us d connect 10.0.0.1:80\n+0us cut c-d\n");
    bool keep[] = {true, true, false, true, true, true, true};
    bool drop_node[] = {false, true, true, true, true, true, true};
    struct buffer text = {0};
    struct scenario *kept = scenario_keep(scenario, keep);

    (void)state;
    scenario_print(kept, &text);
    assert_string_equal(text.data, "node p\n    workers 2\nclient d 10.9.0.2\n"
                                   "+0us   d connect 10.0.0.1:80\n");
    scenario_free(kept);
    kept = scenario_keep(scenario, drop_node);
    assert_int_equal(kept->line_count, 5);
    scenario_free(kept);
    scenario_free(scenario);

    scenario = parse("node p\n# about p\n\nfound seed=0x1\n# about w0\nsched w0@1 -> w1\n");
    kept = scenario_without_schedule(scenario);
    buffer_clear(&text);
    scenario_print(kept, &text);
    assert_string_equal(text.data, "node p\n# about p\n");
    scenario_free(kept);
    scenario_free(scenario);
    buffer_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_designs_example_is_read),    cmocka_unit_test(forms_print_in_one_way),
        cmocka_unit_test(every_form_has_an_example),      cmocka_unit_test(codes_are_distinct),
        cmocka_unit_test(copies_are_actors_of_their_own), cmocka_unit_test(values_are_resolved),
        cmocka_unit_test(kept_lines_stay_a_scenario),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
