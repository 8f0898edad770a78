/*
 * sim/input/wire.h - the binary format of a scenario.
 *
 *     file    = "HSC" version(0x01) record*
 *     record  = code(1 byte) length(varint) payload
 *     payload = [when] [subject] presence(varint) value*
 *
 * `code` is the form's in events.def. Lines follow each other as in the text; code 120 is the
 * comment behind the line before. `when` (events of actors and of the world): kind (1 byte) and, if
 * there is one, a range. `subject` (events of actors): which of the actors declared so far that
 * have the verb (varint), and which copy of it, 0 for all (varint). `presence` has a bit for each
 * parameter that may be left out, in order of the table; then come the values of those that are
 * there.
 *
 *     range    least(varint) most-least(varint)     HEX varint    SHIFT sign(1 byte) varint
 *     address  family(1 byte, odd: IPv6) 4 or 16 bytes, of an endpoint also its port(varint)
 *     bytes    length(varint) bytes                 a word of words.def: its index (1 byte)
 *     actor    as a subject, among those that fit; of a PAIR: 0 is `*`, then the others
 *     PAIR     a b one-way(1 byte)   SITE  node call(bytes)   .._AT  name(bytes) count(varint)
 *     WORDS    the words with one space between, as bytes
 *
 * varint is LEB128. Reading never fails: a value behind the end of its record is 0 or empty, what
 * follows the last value is skipped, an index is taken modulo what there is to choose from, a
 * number outside its bounds is clamped, a byte that cannot stand in a word becomes '_'. A record of
 * an unknown code, or one that text could not say at this place, is skipped. So a record can be
 * dropped, moved, repeated or changed by itself, and new forms and new parameters do not break old
 * files.
 *
 * Threads: any.
 */
#ifndef SIM_INPUT_WIRE_H
#define SIM_INPUT_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_MAGIC "HSC\x01"

enum {
    WIRE_MAGIC_BYTES = 4,
    WIRE_CODE_REMARK = 120,   /* the comment behind the line before */
    WIRE_BYTES_MAX = 1 << 20, /* more is not looked at */
};

/* Where the record that begins at `begin` (below `len`) ends: at `len` at the latest. */
static inline size_t wire_record_end(const uint8_t *data, size_t len, size_t begin)
{
    uint64_t payload_bytes = 0;
    size_t at = begin + 1;

    for (unsigned shift = 0; shift < 63 && at < len; shift += 7) {
        const uint8_t byte = data[at++];
        payload_bytes |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    return payload_bytes > len - at ? len : at + (size_t)payload_bytes;
}

#endif
