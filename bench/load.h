/* What the parts of the loader share: the options, the calls, and what is counted. */

#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "measure.h"

enum call { GETPORT, GETADDR, DUMP, CHANGE };
enum transport { UDP, TCP, LOCAL };
enum { SLOT_BITS = 10, SLOT_MASK = (1 << SLOT_BITS) - 1, WINDOW_MAX = 1000, PIDS_MAX = 16 };
/* How often time is looked at while nothing comes. */
enum { TICK_MS = 50 };

struct options {
  enum call call;
  enum transport transport;
  /* Calls that are waited for at once: over UDP in all, on streams for each connection. */
  unsigned window;
  unsigned connections;
  /* A connection for each call. */
  bool once;
  unsigned programs;
  /* SETs, and as many UNSETs, that are made a second beside the calls. */
  unsigned changes;
  double warm, seconds;
  int core, server_core;
  int pids[PIDS_MAX];
  int pid_count;
};
extern struct options options;

/* A place for one call at a time: what was asked, and when. */
struct request {
  uint32_t slot, generation;
  uint32_t program;
  uint64_t sent_at;
  bool waiting;
  /* For CHANGE: whether its program is registered, and the port of a socket that is held for it. */
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

/* Calls are counted while MEASURING; no more are made while DRAINING. */
enum phase { WARMING, MEASURING, DRAINING, FINISHED };
enum phase phase(void);

/* Goes from one phase to the next when its time has come. After the last, what is still out may come for a while. */
void look_at_time(uint64_t now, bool is_waiting);

/* Writes a call of a program that is chosen at random, and gives its end. */
uint8_t *put_request(struct request *request, enum call call, uint8_t *at);
/* The same with a record mark, for a stream. */
uint8_t *put_record(struct request *request, uint8_t *at);

uint32_t xid_of(const struct request *request);

/* Verifies and counts the answer of a call. */
void take_answer(struct request *request, enum call call, const uint8_t *reply, size_t length, uint64_t now);

/* Whether the call has waited too long; it is counted then, and can be made again. */
bool is_lost(struct request *request, uint64_t now);

int connect_server(int flags);

/* The three ways of making calls: datagrams, connections that stay, a connection for each call. */
void call_by_datagrams(void);
void call_by_streams(void);
void call_by_connections(void);

#endif
