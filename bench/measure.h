/* The measuring instruments of the loader: a clock, a latency histogram, and the usage of processes and cores. */

#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "rpc.h"

#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull

static inline uint64_t clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Latencies by their leading bits: each power of two has 64 buckets, which are at most 1.6% wide. */
enum { SUB_BITS = 6, SUB_BUCKETS = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS + 1) * SUB_BUCKETS };

struct histogram {
  uint64_t counts[BUCKETS];
  uint64_t total;
};

static inline void record(struct histogram *histogram, uint64_t ns) {
  unsigned shift = ns < SUB_BUCKETS ? 0 : (unsigned)(63 - __builtin_clzll(ns)) - SUB_BITS;
  uint64_t row = ns < SUB_BUCKETS ? 0 : shift + 1;
  histogram->counts[row * SUB_BUCKETS + ((ns >> shift) & (SUB_BUCKETS - 1))]++;
  histogram->total++;
}

/* The latency in nanoseconds that this share of all calls did not exceed: the middle of its bucket. */
static inline double percentile(const struct histogram *histogram, double share) {
  uint64_t wanted = (uint64_t)((double)histogram->total * share), seen = 0;
  for (unsigned i = 0; i < BUCKETS; i++) {
    seen += histogram->counts[i];
    if (seen <= wanted) continue;
    unsigned row = i / SUB_BUCKETS;
    if (row == 0) return i;
    double width = (double)(1ull << (row - 1));
    return (SUB_BUCKETS + i % SUB_BUCKETS + 0.5) * width;
  }
  return 0;
}

/* The usage of one core since boot, in clock ticks. */
struct core_use {
  uint64_t busy;
  uint64_t all;
};

/* Reads the line of a core in /proc/stat (proc_stat(5)): user nice system idle iowait irq softirq steal. */
static inline struct core_use core_use(int core) {
  FILE *file = fopen("/proc/stat", "r");
  char line[512], name[16];
  struct core_use use = {0, 0};
  snprintf(name, sizeof name, "cpu%d ", core);
  if (!file) fail("/proc/stat");
  while (fgets(line, sizeof line, file)) {
    if (strncmp(line, name, strlen(name)) != 0) continue;
    char *at = line + strlen(name);
    for (int field = 0; field < 8; field++) {
      uint64_t ticks = strtoull(at, &at, 10);
      use.all += ticks;
      if (field != 3 && field != 4) use.busy += ticks;
    }
  }
  fclose(file);
  return use;
}

static inline double busy_share(struct core_use from, struct core_use to) {
  return to.all == from.all ? 0 : (double)(to.busy - from.busy) / (double)(to.all - from.all);
}

/* utime and stime of a process, in seconds (proc_pid_stat(5): fields 14 and 15, counted after the name). */
static inline double process_seconds(int pid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file) fail(path);
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  char *at = strrchr(text, ')');
  unsigned long long user = 0, system = 0;
  errno = 0;
  if (!at || sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2) fail(path);
  return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

#endif
