#include "lua/regions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define BYTES ((size_t)100000)
#define WAVE 200
#define KEPT 64 /* regions, whatever comes */

static bool is_mapped(void *region)
{
    unsigned char pages[(BYTES + RIP_REGION_ALIGN - 1) / RIP_REGION_ALIGN];
    return mincore(region, BYTES, pages) == 0;
}

static size_t mapped(void *const *wave)
{
    size_t count = 0;
    for (size_t i = 0; i < WAVE; i++) count += is_mapped(wave[i]);
    return count;
}

static void take(rip_regions *regions, void **wave, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wave[i] = rip_regions_take(regions);
        assert_non_null(wave[i]);
        memset(wave[i], (int)i, rip_regions_bytes(regions));
    }
}

static void give_back(rip_regions *regions, void *const *wave, size_t count)
{
    for (size_t i = 0; i < count; i++) rip_regions_give_back(regions, wave[i]);
}

static bool is_one_of(void *const *wave, const void *region)
{
    for (size_t i = 0; i < WAVE; i++)
        if (wave[i] == region) return true;
    return false;
}

static void test_a_region_is_whole_pages(void **state)
{
    (void)state;
    rip_regions *regions = rip_regions_new(BYTES);
    assert_true(rip_regions_bytes(regions) >= BYTES);
    assert_int_equal(rip_regions_bytes(regions) % RIP_REGION_ALIGN, 0);
    void *region = rip_regions_take(regions);
    assert_int_equal((uintptr_t)region % RIP_REGION_ALIGN, 0);
    rip_regions_give_back(regions, region);
    rip_regions_free(regions);
}

static void test_the_next_wave_takes_what_one_gave_back(void **state)
{
    (void)state;
    void *first[WAVE], *second[WAVE];
    rip_regions *regions = rip_regions_new(BYTES);
    take(regions, first, WAVE);
    give_back(regions, first, WAVE);
    take(regions, second, WAVE);
    for (size_t i = 0; i < WAVE; i++) assert_true(is_one_of(first, second[i]));
    give_back(regions, second, WAVE);
    rip_regions_free(regions);
    assert_int_equal(mapped(first), 0);
}

static void test_a_rest_gives_the_system_what_was_not_needed_since_the_last(void **state)
{
    (void)state;
    void *wave[WAVE], *later[WAVE];
    rip_regions *regions = rip_regions_new(BYTES);
    take(regions, wave, WAVE);
    give_back(regions, wave, WAVE);
    rip_regions_rest(regions);
    assert_int_equal(mapped(wave), WAVE); /* all were needed a moment ago */
    take(regions, later, 150);
    give_back(regions, later, 150);
    rip_regions_rest(regions);
    assert_int_equal(mapped(wave), 150);
    rip_regions_rest(regions);
    assert_int_equal(mapped(wave), KEPT);
    rip_regions_rest(regions);
    assert_int_equal(mapped(wave), KEPT);
    rip_regions_free(regions);
    assert_int_equal(mapped(wave), 0);
}

static void test_what_is_out_when_they_are_freed_may_come_back_later(void **state)
{
    (void)state;
    void *wave[WAVE];
    rip_regions *regions = rip_regions_new(BYTES);
    take(regions, wave, WAVE);
    give_back(regions, wave, 100);
    rip_regions_free(regions);
    assert_int_equal(mapped(wave), WAVE - 100);
    give_back(regions, wave + 100, WAVE - 100);
    assert_int_equal(mapped(wave), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_region_is_whole_pages),
        cmocka_unit_test(test_the_next_wave_takes_what_one_gave_back),
        cmocka_unit_test(test_a_rest_gives_the_system_what_was_not_needed_since_the_last),
        cmocka_unit_test(test_what_is_out_when_they_are_freed_may_come_back_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
