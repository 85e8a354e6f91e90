/* A stream of bytes is cut into documents, whatever the chunks it comes in; what is broken does not stop what follows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/buffer.h"
#include "engine/intake/document.h"

/* What came out, one a line: "LINE:COLUMN document" or "LINE:COLUMN ! fault". */
static rip_status on_document(void *data, const char *bytes, size_t len, size_t line, size_t column,
                              const rip_error *err)
{
    rip_buffer *out = data;
    rip_buffer_printf(out, "%zu:%zu ", line, column);
    if (bytes)
        rip_buffer_append(out, bytes, len);
    else
        rip_buffer_printf(out, "! %s", err->message);
    rip_buffer_putc(out, '\n');
    return RIP_OK;
}

static char *cut_in(const char *text, size_t chunk, const document_limits *limits)
{
    rip_buffer out = {0};
    rip_error err;
    documents *d = NULL;
    assert_int_equal(documents_new(limits, on_document, &out, &d, &err), RIP_OK);
    for (size_t at = 0, len = strlen(text); at < len; at += chunk) {
        /* Memory of its own, so that a sanitizer sees reads past a chunk's end. */
        size_t n = len - at < chunk ? len - at : chunk;
        char *copy = malloc(n);
        memcpy(copy, text + at, n);
        assert_int_equal(documents_feed(d, copy, n), RIP_OK);
        free(copy);
    }
    assert_int_equal(documents_end(d), RIP_OK);
    documents_free(d);
    return rip_buffer_take(&out, NULL);
}

/* Whatever the chunks, the same comes out. */
static void expect(const char *text, const char *expected)
{
    for (size_t chunk = strlen(text) + 1; chunk > 0; chunk--) {
        char *found = cut_in(text, chunk, NULL);
        if (strcmp(found, expected) != 0)
            fail_msg("in chunks of %zu: %s\nexpected: %s\nfound: %s", chunk, text, expected, found);
        free(found);
    }
}

static void test_one_document(void **state)
{
    (void)state;
    expect("{\"a\":1}", "1:1 {\"a\":1}\n");
    expect("  \n\t{\"a\": {\"b\": [1, \"}\\\"]\"]}}\n", "2:2 {\"a\": {\"b\": [1, \"}\\\"]\"]}}\n");
    expect("", "");
    expect(" \n ", "");
}

static void test_an_array_of_documents(void **state)
{
    (void)state;
    expect("[{\"a\":1},\n {\"b\":2}]\n", "1:2 {\"a\":1}\n2:2 {\"b\":2}\n");
    expect("[]", "");
}

static void test_one_document_a_line(void **state)
{
    (void)state;
    expect("{\"a\":1}\n{\"b\":2}\r\n\n{\"c\":3}", "1:1 {\"a\":1}\n2:1 {\"b\":2}\n4:1 {\"c\":3}\n");
}

static void test_documents_without_anything_between(void **state)
{
    (void)state;
    expect("{\"a\":1}{\"b\":2}", "1:1 {\"a\":1}\n1:8 {\"b\":2}\n");
}

static void test_a_pretty_printed_document_may_start_its_lines_with_brackets(void **state)
{
    (void)state;
    expect("{\n\"a\":\n{\n\"b\": [\n{\n}\n]\n}\n}", "1:1 {\n\"a\":\n{\n\"b\": [\n{\n}\n]\n}\n}\n");
}

static void test_a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    expect("\xEF\xBB\xBF{\"a\":1}", "1:1 {\"a\":1}\n");
    expect("\xEF\xBB{\"a\":1}\n{\"b\":2}",
           "1:1 ! expected a JSON object or an array of them, found byte 0xef\n2:1 {\"b\":2}\n");
    expect("\xEF", "1:1 ! expected a JSON object or an array of them, found byte 0xef\n");
}

static void test_what_is_no_document_is_told_and_the_next_line_goes_on(void **state)
{
    (void)state;
    expect("nonsense {\"x\":1}\n{\"a\":1}\n",
           "1:1 ! expected a JSON object or an array of them, found 'n'\n2:1 {\"a\":1}\n");
    expect("[1, {\"a\":1}]\n{\"b\":1}",
           "1:2 ! expected a JSON object, found '1'\n2:1 {\"b\":1}\n2:8 ! the array of documents does not end: "
           "expected ']'\n");
}

static void test_a_document_that_breaks_off_does_not_swallow_the_next_line(void **state)
{
    (void)state;
    expect("{\"a\":1}\n{\"b\":\n{\"c\":3}\n",
           "1:1 {\"a\":1}\n2:1 ! line 3, column 1: expected the document's end, found '{'\n3:1 {\"c\":3}\n");
    expect("{\"a\":[1}\n{\"b\":2}\n", "1:1 ! line 1, column 8: expected ']', found '}'\n2:1 {\"b\":2}\n");
    expect("{\"a\":\"x\n{\"b\":2}\n",
           "1:1 ! line 1, column 8: expected the end of a string, found byte 0x0a\n2:1 {\"b\":2}\n");
    expect("{\"a\":1\n{\"b\":2}\n", "1:1 ! line 2, column 1: expected the document's end, found '{'\n2:1 {\"b\":2}\n");
}

static void test_an_end_in_the_middle_is_told(void **state)
{
    (void)state;
    expect("{\"a\":{", "1:1 ! line 1, column 7: the document ends within an object\n");
    expect("{\"a\":[", "1:1 ! line 1, column 7: the document ends within an array\n");
    expect("{\"a\":\"b", "1:1 ! line 1, column 8: the document ends within a string\n");
    expect("[{\"a\":1},", "1:2 {\"a\":1}\n1:10 ! the array of documents does not end: expected ']'\n");
}

static void test_a_document_over_the_limits_is_passed_over_whole(void **state)
{
    (void)state;
    document_limits limits = {.bytes = 20, .depth = 3};
    for (size_t chunk = 1; chunk < 60; chunk++) {
        char *found = cut_in("{\"a\":\"0123456789012345678901234\"}\n{\"b\":2}", chunk, &limits);
        assert_string_equal(found, "1:1 ! the document is over the limit of 20 bytes\n2:1 {\"b\":2}\n");
        free(found);
        found = cut_in("{\"a\":{\"b\":{\"c\":{}}}}\n{\"b\":2}", chunk, &limits);
        assert_non_null(strstr(found, "nests deeper than 3"));
        assert_non_null(strstr(found, "2:1 {\"b\":2}\n"));
        free(found);
    }
}

static void test_depth_beyond_anything_is_survived(void **state)
{
    (void)state;
    char deep[8001];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"a\":", 5);
    deep[sizeof deep - 1] = '\0';
    char *found = cut_in(deep, 1000, NULL);
    assert_non_null(strstr(found, "nests deeper than 64"));
    free(found);
}

static rip_status refuse(void *data, const char *bytes, size_t len, size_t line, size_t column, const rip_error *err)
{
    (void)bytes;
    (void)len;
    (void)line;
    (void)column;
    (void)err;
    ++*(int *)data;
    return RIP_ECANCELED;
}

static void test_an_error_of_the_taker_ends_the_cutting(void **state)
{
    (void)state;
    int calls = 0;
    documents *d = NULL;
    rip_error err;
    assert_int_equal(documents_new(NULL, refuse, &calls, &d, &err), RIP_OK);
    assert_int_equal(documents_feed(d, "{}{}", 4), RIP_ECANCELED);
    assert_int_equal(calls, 1);
    documents_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_document),
        cmocka_unit_test(test_an_array_of_documents),
        cmocka_unit_test(test_one_document_a_line),
        cmocka_unit_test(test_documents_without_anything_between),
        cmocka_unit_test(test_a_pretty_printed_document_may_start_its_lines_with_brackets),
        cmocka_unit_test(test_a_byte_order_mark_is_passed_over),
        cmocka_unit_test(test_what_is_no_document_is_told_and_the_next_line_goes_on),
        cmocka_unit_test(test_a_document_that_breaks_off_does_not_swallow_the_next_line),
        cmocka_unit_test(test_an_end_in_the_middle_is_told),
        cmocka_unit_test(test_a_document_over_the_limits_is_passed_over_whole),
        cmocka_unit_test(test_depth_beyond_anything_is_survived),
        cmocka_unit_test(test_an_error_of_the_taker_ends_the_cutting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
