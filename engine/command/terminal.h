/* What the commands write to people: colours only where a person looks, one line for a mistake in usage. */
#ifndef RIPOSTE_COMMAND_TERMINAL_H
#define RIPOSTE_COMMAND_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

typedef enum terminal_style {
    TERMINAL_PLAIN,
    TERMINAL_BOLD,
    TERMINAL_DIM,
    TERMINAL_RED,
    TERMINAL_GREEN,
    TERMINAL_YELLOW,
    TERMINAL_CYAN
} terminal_style;

/** Are there colours on `out`? Only on a terminal, not where TERM is "dumb", never with NO_COLOR
 * (https://no-color.org). */
bool terminal_colours(FILE *out);

/** Write formatted text in a style. Values from outside must have been escaped (terminal_quote). */
void terminal_print(FILE *out, terminal_style style, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Write text from outside on one line: control characters escaped, cut at `max` bytes. */
void terminal_quote(FILE *out, terminal_style style, const char *text, size_t max);

/** Columns of the terminal; 80 where it is none. */
unsigned terminal_width(FILE *out);

/** Write the words of `text` (escaped) in lines of at most the terminal's width, each with `indent` spaces before it;
 * the first line starts at column `at`. */
void terminal_wrap(FILE *out, unsigned indent, unsigned at, const char *text);

/** The same with formatted text, of which 4,096 bytes are used. Escaped once it is put together, values included. */
void terminal_wrapf(FILE *out, unsigned indent, unsigned at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** "riposte NAME: message", and where to read on, to stderr; returns COMMAND_USAGE. */
int terminal_usage(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** "riposte NAME: message" to stderr. */
void terminal_error(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
