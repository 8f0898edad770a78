/*
 * sim/input/grammar.y - what a line of a scenario can look like. What its words mean is events.def's.
 */
%include {
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/input/parse.h"
}

%name grammar
%token_prefix TOKEN_
%token_type {struct token}
%extra_argument {struct parse *parse}
%start_symbol scenario

%token WORD KEY STRING COMMENT NEWLINE INDENT WHEN END.

%syntax_error { parse_unexpected(parse, yymajor, &TOKEN); }

scenario ::= lines.

lines ::= .
lines ::= lines line.

line ::= NEWLINE.                             { parse_blank(parse); }
line ::= COMMENT(C) NEWLINE.                  { parse_comment(parse, &C); }
/* a declaration, a setting, something that holds from the start, a line of the recorded part */
line ::= WORD(W) arguments end.               { parse_keyword(parse, &W); }
/* a directive of the node above */
line ::= INDENT WORD(W) arguments end.        { parse_directive(parse, &W); }
/* an event of an actor or of the world */
line ::= WHEN(T) WORD(W) arguments end.       { parse_event(parse, &T, &W); }
line ::= END(E) arguments end.                { parse_end(parse, &E); }
/* Each line is reported by itself, also when the one before was wrong. */
line ::= error NEWLINE.                       { parse_recover(parse); yypParser->yyerrcnt = -1; }

end ::= NEWLINE.
end ::= COMMENT(C) NEWLINE.                   { parse->comment = C; parse->has_comment = true; }

arguments ::= .
arguments ::= arguments argument.

argument ::= WORD(W).                         { parse_argument(parse, &W); }
argument ::= STRING(S).                       { parse_argument(parse, &S); }
argument ::= KEY(K) WORD(V).                  { parse_pair(parse, &K, &V); }
argument ::= KEY(K) STRING(V).                { parse_pair(parse, &K, &V); }
