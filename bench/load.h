/* Shared by the parts of the loader: options, calls and counters. */

#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "measure.h"

enum call { GETPORT, GETADDR, DUMP, CHANGE };
enum transport { UDP, TCP, LOCAL };
enum { SLOT_BITS = 10, SLOT_MASK = (1 << SLOT_BITS) - 1, WINDOW_MAX = 1000, PIDS_MAX = 16 };
/* The interval of checks while nothing arrives. */
enum { TICK_MS = 50 };

struct options {
  enum call call;
  enum transport transport;
  /* Outstanding calls: in total over UDP, per connection on streams. */
  unsigned window;
  unsigned connections;
  /* One connection per call. */
  bool once;
  unsigned programs;
  /* SETs, and as many UNSETs, per second in addition to the calls. */
  unsigned changes;
  double warm, seconds;
  int core, server_core;
  int pids[PIDS_MAX];
  int pid_count;
};
extern struct options options;

/* A slot for one call at a time: its request and time. */
struct request {
  uint32_t slot, generation;
  uint32_t program;
  uint64_t sent_at;
  bool waiting;
  /* For CHANGE: whether its program is registered, and the port of a socket held for it. */
  bool registered;
  uint32_t port;
};

struct tally {
  uint64_t ops, bad, lost, late, changed;
  /* Entries of the last DUMP, which must not change. */
  uint32_t entries;
  struct histogram latencies;
};
extern struct tally tally;

/* Calls are counted while MEASURING. No more are made while DRAINING. */
enum phase { WARMING, MEASURING, DRAINING, FINISHED };
enum phase phase(void);

/* Advances to the next phase when it is due. After the last one, outstanding replies may still arrive for a while. */
void check_time(uint64_t now, bool is_waiting);

/* Writes a call of a random program. Returns its end. */
uint8_t *put_request(struct request *request, enum call call, uint8_t *at);
/* The same with a record mark, for a stream. */
uint8_t *put_record(struct request *request, uint8_t *at);

uint32_t xid_of(const struct request *request);

/* Verifies and counts the reply to a call. */
void take_answer(struct request *request, enum call call, const uint8_t *reply, size_t length, uint64_t now);

/* Whether a call has timed out. It is counted then, and can be repeated. */
bool is_lost(struct request *request, uint64_t now);

int connect_server(int flags);

/* The three ways of making calls: datagrams, persistent connections, one connection per call. */
void call_by_datagrams(void);
void call_by_streams(void);
void call_by_connections(void);

#endif
