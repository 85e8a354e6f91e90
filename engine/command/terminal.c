#include "engine/command/terminal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/base/buffer.h"
#include "engine/base/escape.h"
#include "engine/command/command.h"

#define WIDTH_DEFAULT 80u
#define WIDTH_LEAST 40u
#define WIDTH_MOST 120u /* longer lines are hard to read */

bool terminal_colours(FILE *out)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no_color && *no_color) return false;
    if (!term || strcmp(term, "dumb") == 0) return false;
    return isatty(fileno(out)) == 1;
}

static const char *const CODES[] = {
    [TERMINAL_PLAIN] = "",        [TERMINAL_BOLD] = "\x1b[1m",   [TERMINAL_DIM] = "\x1b[2m",
    [TERMINAL_RED] = "\x1b[31m",  [TERMINAL_GREEN] = "\x1b[32m", [TERMINAL_YELLOW] = "\x1b[33m",
    [TERMINAL_CYAN] = "\x1b[36m",
};

static bool style_on(FILE *out, terminal_style style)
{
    bool on = style != TERMINAL_PLAIN && terminal_colours(out);
    if (on) fputs(CODES[style], out);
    return on;
}

void terminal_print(FILE *out, terminal_style style, const char *format, ...)
{
    bool on = style_on(out, style);
    va_list args;
    va_start(args, format);
    vfprintf(out, format, args);
    va_end(args);
    if (on) fputs("\x1b[0m", out);
}

void terminal_quote(FILE *out, terminal_style style, const char *text, size_t max)
{
    rip_buffer escaped = {0};
    rip_escape_line(&escaped, text, strlen(text), max);
    terminal_print(out, style, "%s", escaped.data ? escaped.data : "");
    rip_buffer_free(&escaped);
}

unsigned terminal_width(FILE *out)
{
    struct winsize size;
    if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return WIDTH_DEFAULT;
    if (size.ws_col < WIDTH_LEAST) return WIDTH_LEAST;
    return size.ws_col > WIDTH_MOST ? WIDTH_MOST : size.ws_col;
}

static unsigned columns_of(const char *text, size_t len)
{
    unsigned columns = 0;
    for (size_t i = 0; i < len; i++) columns += ((unsigned char)text[i] & 0xC0) != 0x80;
    return columns;
}

void terminal_wrap(FILE *out, unsigned indent, unsigned at, const char *text)
{
    unsigned width = terminal_width(out), column = at;
    rip_buffer line = {0};
    rip_escape_line(&line, text, strlen(text), 4096);
    const char *p = line.data ? line.data : "";
    bool first = true;
    while (*p) {
        size_t len = strcspn(p, " ");
        unsigned columns = columns_of(p, len);
        if (!first && column + 1 + columns > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            fputc(' ', out);
            column++;
        }
        fwrite(p, 1, len, out);
        column += columns;
        first = false;
        p += len;
        p += strspn(p, " ");
    }
    fputc('\n', out);
    rip_buffer_free(&line);
}

void terminal_wrapf(FILE *out, unsigned indent, unsigned at, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    terminal_wrap(out, indent, at, text);
}

__attribute__((format(printf, 2, 0))) static void say(const char *name, const char *format, va_list args)
{
    char text[4096]; /* what is quoted in it came from outside: a file's name, a field of a finding */
    vsnprintf(text, sizeof text, format, args);
    terminal_print(stderr, TERMINAL_BOLD, "riposte %s: ", name);
    terminal_quote(stderr, TERMINAL_PLAIN, text, sizeof text);
    fputc('\n', stderr);
}

int terminal_usage(const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(name, format, args);
    va_end(args);
    fprintf(stderr, "Try 'riposte %s --help'.\n", name);
    return COMMAND_USAGE;
}

void terminal_error(const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(name, format, args);
    va_end(args);
}
