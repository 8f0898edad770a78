/*
 * fuzz/target/fcgi.c - FastCGI records read the same however they are cut; what was read and is
 * written again reads the same; pairs and values are total.
 *
 * Threads: main.
 */
#include <string.h>

#include "core/http/fcgi.h"
#include "fuzz/engine/finding.h"
#include "fuzz/target/cut.h"

enum { OUT_BYTES = 1 << 17 };

/* What was heard: records without their padding, as they would be written. */
struct heard {
    uint8_t data[OUT_BYTES];
    size_t len;
    bool is_full;
    bool is_bad;
    bool is_clean;
};

static void put(struct heard *heard, const void *data, size_t len)
{
    heard->is_full |= len > sizeof(heard->data) - heard->len;
    if (heard->is_full || len == 0)
        return;
    memcpy(heard->data + heard->len, data, len);
    heard->len += len;
}

static void put_head(struct heard *heard, const struct fcgi_record *record)
{
    struct fcgi_record plain = *record;
    uint8_t head[FCGI_HEAD_BYTES];
    struct fcgi_out out = {.data = head, .size = sizeof(head)};

    plain.padding_len = 0;
    fcgi_put_head(&out, &plain);
    FINDING_UNLESS(!out.is_overflow && out.len == sizeof(head), "fcgi: a head is eight bytes");
    put(heard, head, sizeof(head));
}

static void hear(struct heard *heard, const uint8_t *data, size_t len, struct cut *cut)
{
    struct fcgi_reader reader = {0};
    size_t at = 0, have = cut == NULL ? len : 0;

    heard->len = 0;
    heard->is_full = heard->is_bad = false;
    while (!heard->is_bad) {
        size_t used = 0;
        enum fcgi_event event = fcgi_read(&reader, data + at, have - at, &used);

        FINDING_UNLESS(used <= have - at, "fcgi: an event takes what there is");
        if (event == FCGI_HEAD)
            put_head(heard, &reader.record);
        if (event == FCGI_CONTENT) {
            put(heard, data + at, used);
            fcgi_read_content(&reader, used);
        }
        heard->is_bad = event == FCGI_BAD;
        at += used;
        if (event != FCGI_MORE)
            continue;
        if (have == len)
            break;
        have += cut_next(cut, len - have);
    }
    heard->is_clean = fcgi_reader_is_clean(&reader);
}

static void check_pairs(const uint8_t *data, size_t len)
{
    struct fcgi_values values = {0};
    size_t at = 0;

    fcgi_get_values(&values, data, len);
    while (at < len) {
        struct fcgi_pair pair;
        uint8_t lens[8];
        struct fcgi_out out = {.data = lens, .size = sizeof(lens)};
        size_t taken = fcgi_get_pair(&pair, data + at, len - at);

        if (taken == 0)
            return;
        FINDING_UNLESS(taken <= len - at && pair.name >= data + at &&
                           pair.value + pair.value_len == data + at + taken,
                       "fcgi: a pair is within its bytes");
        fcgi_put_lens(&out, pair.name_len, pair.value_len);
        FINDING_UNLESS(!out.is_overflow && out.len <= taken - pair.name_len - pair.value_len,
                       "fcgi: lengths are written in their shortest form");
        at += taken;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct heard whole, pieces, again;
    struct cut cut = cut_begin(data, len);

    check_pairs(data, len);
    hear(&whole, data, len, NULL);
    hear(&pieces, data, len, &cut);
    FINDING_UNLESS(whole.is_bad == pieces.is_bad && whole.is_clean == pieces.is_clean &&
                       whole.len == pieces.len && memcmp(whole.data, pieces.data, whole.len) == 0,
                   "fcgi: records are the same however they are cut");
    if (whole.is_full)
        return 0;
    hear(&again, whole.data, whole.len, NULL);
    FINDING_UNLESS(!again.is_bad && again.len == whole.len &&
                       memcmp(again.data, whole.data, whole.len) == 0,
                   "fcgi: what is written again reads the same");
    return 0;
}
