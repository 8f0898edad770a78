/*
 * sim/report/pcap.h - what the simulated network carried, as a capture file that Wireshark reads.
 *
 * The format is that of libpcap with nanoseconds (magic 0xa1b23c4d), link type RAW: IPv4 and IPv6
 * headers, TCP with sequence numbers counted from 0 in each direction, UDP. Checksums are right.
 * What was lost on the way is not in it: a packet is noted where it arrives.
 *
 * Owner: the command that replays; one capture at a time.  Threads: one.
 */
#ifndef SIM_REPORT_PCAP_H
#define SIM_REPORT_PCAP_H

#include <stddef.h>

struct buffer;

/* From here on packets of runs are appended to `out` (borrowed), after the file's header. */
void pcap_begin(struct buffer *out);
/* Stops; returns how many packets there were. */
size_t pcap_end(void);

#endif
