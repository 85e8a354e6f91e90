/* Sixty-four bytes of JSON at a time, as bits: SSE2 where there is, else plain C that compilers turn into vectors. */
#ifndef RIPOSTE_TRIGGER_SIMD_H
#define RIPOSTE_TRIGGER_SIMD_H

#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/** Bit i tells of byte i. */
typedef struct json_bits {
    uint64_t quotes, backslashes, opens, closes;
} json_bits;

#if defined(__SSE2__)
static inline uint64_t simd_equal(const __m128i block[4], char c)
{
    __m128i wanted = _mm_set1_epi8(c);
    uint64_t bits = 0;
    for (int i = 0; i < 4; i++)
        bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block[i], wanted)) << (16 * i);
    return bits;
}

/** `text` has 64 bytes. '{' and '[' differ in one bit, and so do '}' and ']': either is one comparison. */
static inline json_bits simd_json(const char *text)
{
    __m128i block[4], folded[4];
    for (int i = 0; i < 4; i++) {
        block[i] = _mm_loadu_si128((const __m128i *)(const void *)(text + 16 * i));
        folded[i] = _mm_or_si128(block[i], _mm_set1_epi8(0x20));
    }
    return (json_bits){simd_equal(block, '"'), simd_equal(block, '\\'), simd_equal(folded, '{'),
                       simd_equal(folded, '}')};
}

/** The bytes from `text` to the first that is '"', '\\' or below 0x20; 16 bytes past that one can be read. `*high` is
 * set where a byte before it is no ASCII. */
static inline const char *simd_string_stop(const char *text, unsigned *high)
{
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1F);
    for (;; text += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)text);
        __m128i stops = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)),
                                     _mm_cmpeq_epi8(_mm_min_epu8(block, control), block));
        unsigned found = (unsigned)_mm_movemask_epi8(stops), tops = (unsigned)_mm_movemask_epi8(block);
        if (!found) {
            *high |= tops;
            continue;
        }
        *high |= tops & (found - 1) & ~found;
        return text + __builtin_ctz(found);
    }
}
#else
static inline json_bits simd_json(const char *text)
{
    json_bits bits = {0, 0, 0, 0};
    for (int i = 0; i < 64; i++) {
        char c = text[i];
        bits.quotes |= (uint64_t)(c == '"') << i;
        bits.backslashes |= (uint64_t)(c == '\\') << i;
        bits.opens |= (uint64_t)((c | 0x20) == '{') << i;
        bits.closes |= (uint64_t)((c | 0x20) == '}') << i;
    }
    return bits;
}

static inline const char *simd_string_stop(const char *text, unsigned *high)
{
    for (;; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\' || c < 0x20) return text;
        *high |= c & 0x80U;
    }
}
#endif

/** The bits of characters that a backslash escapes. `*carry`: the first of the next block is one. Follows: simdjson
 * (Langdale, Lemire: "Parsing gigabytes of JSON per second", 2019), section 3.1.1. */
static inline uint64_t simd_escaped(uint64_t backslashes, uint64_t *carry)
{
    const uint64_t odd = UINT64_C(0xAAAAAAAAAAAAAAAA);
    if (!backslashes) {
        uint64_t escaped = *carry;
        *carry = 0;
        return escaped;
    }
    uint64_t potential = backslashes & ~*carry;
    uint64_t maybe = potential << 1;
    uint64_t codes = ((maybe | odd) - potential) ^ odd;
    uint64_t escaped = codes ^ (backslashes | *carry);
    *carry = (codes & backslashes) >> 63;
    return escaped;
}

/** Bit i is set where an odd number of bits up to and with i is. */
static inline uint64_t simd_parity(uint64_t bits)
{
    for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
    return bits;
}

#endif
