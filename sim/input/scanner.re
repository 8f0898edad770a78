/*
 * sim/input/scanner.re - cuts a line of a scenario into tokens. See token.h.
 */
#include "sim/input/token.h"

#include "sim/input/grammar.h"

/*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:yyfill:enable = 0;
    re2c:encoding:utf8 = 0;

    nul     = "\x00";
    feed    = "\r"? "\n";
    space   = [ \t];
    comment = "#" [^\n\x00]*;
    quoted  = "x"? "\"" ([^"\\\n\x00] | "\\" [^\n\x00])* "\"";
    open    = "x"? "\"" ([^"\\\n\x00] | "\\" [^\n\x00])* "\\"?;
    body    = [^ \t\r\n"\x00];
    letter  = [A-Za-z];
    key     = [a-z] [a-z0-9-]* "=";
    /* A word that begins with a letter ends before '=': that is a key's. */
    word    = letter (body \ "=")* | (body \ [#=A-Za-z]) body* | "=";
    when    = ("+" | "@" | "..") body*;
*/

void scanner_init(struct scanner *scanner, const char *text, uint32_t line)
{
    *scanner = (struct scanner){
        .at = text, .line_begin = text, .line = line, .is_line_begin = true};
}

static int found(struct scanner *scanner, struct token *token, const unsigned char *begin,
                 const unsigned char *end, int kind)
{
    token->text = (const char *)begin;
    token->len = (uint32_t)(end - begin);
    token->line = scanner->line;
    token->column = (uint32_t)((const char *)begin - scanner->line_begin) + 1;
    token->is_string = kind == TOKEN_STRING;
    token->is_key = kind == TOKEN_KEY;
    scanner->at = (const char *)end;
    scanner->is_line_begin = false;
    scanner->is_value = kind == TOKEN_KEY;
    return kind;
}

static int end_line(struct scanner *scanner, struct token *token, const unsigned char *begin,
                    const unsigned char *end)
{
    int kind = found(scanner, token, begin, end, TOKEN_NEWLINE);

    scanner->line++;
    scanner->line_begin = scanner->at;
    scanner->is_line_begin = true;
    scanner->is_indented = false;
    return kind;
}

/* The first token of a line: what stands here decides what the line is. */
static int scan_begin(struct scanner *scanner, struct token *token)
{
    const unsigned char *YYCURSOR = (const unsigned char *)scanner->at;
    const unsigned char *YYMARKER;
    const unsigned char *begin = YYCURSOR;

    /*!re2c
        space+ / (body \ "#") {
            scanner->is_indented = true;
            return found(scanner, token, begin, YYCURSOR, TOKEN_INDENT);
        }
        when                    { return found(scanner, token, begin, YYCURSOR, TOKEN_WHEN); }
        "end" / [ \t\r\n\x00]   { return found(scanner, token, begin, YYCURSOR, TOKEN_END); }
        *                       { scanner->is_line_begin = false; return 0; }
    */
}

/* Any other token of a directive, and the value of a key: words are all that there is. */
static int scan_plain(struct scanner *scanner, struct token *token)
{
    const unsigned char *YYCURSOR = (const unsigned char *)scanner->at;
    const unsigned char *YYMARKER;
    const unsigned char *begin;

    for (;;) {
        begin = YYCURSOR;
        /*!re2c
            space+              { continue; }
            comment             { return found(scanner, token, begin, YYCURSOR, TOKEN_COMMENT); }
            quoted              { return found(scanner, token, begin, YYCURSOR, TOKEN_STRING); }
            open                { return found(scanner, token, begin, YYCURSOR, -1); }
            (body \ "#") body*  { return found(scanner, token, begin, YYCURSOR, TOKEN_WORD); }
            *                   { scanner->at = (const char *)begin; return 0; }
        */
    }
}

static int scan_word(struct scanner *scanner, struct token *token)
{
    const unsigned char *YYCURSOR = (const unsigned char *)scanner->at;
    const unsigned char *YYMARKER;
    const unsigned char *begin;

    for (;;) {
        begin = YYCURSOR;
        /*!re2c
            space+              { continue; }
            comment             { return found(scanner, token, begin, YYCURSOR, TOKEN_COMMENT); }
            quoted              { return found(scanner, token, begin, YYCURSOR, TOKEN_STRING); }
            open                { return found(scanner, token, begin, YYCURSOR, -1); }
            key                 { return found(scanner, token, begin, YYCURSOR, TOKEN_KEY); }
            word                { return found(scanner, token, begin, YYCURSOR, TOKEN_WORD); }
            *                   { scanner->at = (const char *)begin; return 0; }
        */
    }
}

/* What ends a line, or the text. */
static int scan_end(struct scanner *scanner, struct token *token)
{
    const unsigned char *begin = (const unsigned char *)scanner->at;

    if (*begin == '\r')
        return end_line(scanner, token, begin, begin + 2);
    if (*begin == '\n')
        return end_line(scanner, token, begin, begin + 1);
    if (!scanner->is_line_begin && scanner->line_begin != scanner->at) {
        end_line(scanner, token, begin, begin);
        return TOKEN_NEWLINE;
    }
    return 0;
}

int scanner_next(struct scanner *scanner, struct token *token)
{
    int kind = 0;
    bool is_line_begin = scanner->is_line_begin;

    if (is_line_begin)
        kind = scan_begin(scanner, token);
    if (kind == 0)
        kind = scanner->is_indented || scanner->is_value ? scan_plain(scanner, token)
                                                         : scan_word(scanner, token);
    if (kind == 0)
        kind = scan_end(scanner, token);
    return kind;
}
