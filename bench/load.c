/* Calls a port mapper as fast as it replies, verifies every reply, and prints the measurement as a JSON object. */

#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
/* A call without a reply for this time is lost, and repeated. */
static const uint64_t PATIENCE_NS = NS_PER_S;

struct options options = {.window = 1, .connections = 1, .programs = 1, .warm = 0.5, .seconds = 2, .core = 1};
struct tally tally;

static struct {
  enum phase phase;
  uint64_t begin, end;
  double server_seconds, loader_seconds;
  struct core_use server, loader;
  double server_share, loader_share;
} run;

static double server_seconds(void) {
  double sum = 0;
  for (int i = 0; i < options.pid_count; i++) sum += process_seconds(options.pids[i]);
  return sum;
}

static double loader_seconds(void) {
  struct rusage use;
  must(getrusage(RUSAGE_SELF, &use), "getrusage");
  return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

enum phase phase(void) {
  return run.phase;
}

void check_time(uint64_t now, bool is_waiting) {
  if (run.phase == WARMING && now >= run.begin) {
    run.phase = MEASURING;
    run.server_seconds = server_seconds();
    run.loader_seconds = loader_seconds();
    run.server = core_use(options.server_core);
    run.loader = core_use(options.core);
    run.begin = clock_ns();
    run.end = run.begin + (uint64_t)(options.seconds * 1e9);
  } else if (run.phase == MEASURING && now >= run.end) {
    run.phase = DRAINING;
    run.end = clock_ns();
    run.server_seconds = server_seconds() - run.server_seconds;
    run.loader_seconds = loader_seconds() - run.loader_seconds;
    run.server_share = busy_share(run.server, core_use(options.server_core));
    run.loader_share = busy_share(run.loader, core_use(options.core));
  } else if (run.phase == DRAINING && (!is_waiting || now >= run.end + 2 * PATIENCE_NS)) {
    run.phase = FINISHED;
  }
}

static uint32_t random_program(void) {
  static uint64_t state = 88172645463325252ull;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(((state >> 32) * options.programs) >> 32);
}

uint32_t xid_of(const struct request *request) {
  return request->generation << SLOT_BITS | request->slot;
}

uint8_t *put_request(struct request *request, enum call call, uint8_t *at) {
  uint32_t protocol = options.transport == UDP ? PROTOCOL_UDP : PROTOCOL_TCP;
  request->generation++;
  request->waiting = true;
  request->program = random_program();
  uint32_t xid = xid_of(request), program = FIRST_PROGRAM + request->program;
  switch (call) {
    case GETPORT:
      return put_mapping(put_call(at, xid, 2, PMAP_GETPORT), program, protocol, 0);
    case GETADDR:
      return put_rpcb(put_call(at, xid, 4, RPCB_GETADDR), program, "udp", "127.0.0.1.0.111", "libtirpc");
    case DUMP:
      return put_call(at, xid, 3, RPCB_DUMP);
    case CHANGE:
      at = put_call(at, xid, 2, request->registered ? PMAP_UNSET : PMAP_SET);
      return put_mapping(at, FIRST_OWN_PROGRAM + request->slot, PROTOCOL_UDP, request->port);
  }
  abort();
}

uint8_t *put_record(struct request *request, uint8_t *at) {
  uint8_t *end = put_request(request, options.call, at + 4);
  put32(at, LAST_FRAGMENT | (uint32_t)(end - at - 4));
  return end;
}

static bool is_address(const uint8_t *reply, size_t length, uint32_t port) {
  uint8_t expected[40];
  char text[32];
  write_uaddr(text, "127.0.0.1", port);
  size_t size = (size_t)(put_string(expected, text) - expected);
  return length == REPLY_HEAD + size && is_success(reply, length) && memcmp(reply + REPLY_HEAD, expected, size) == 0;
}

/* Whether the bytes are a complete list of mappings, as long as the previous one, with at least all registered ones. */
static bool is_dump(const uint8_t *reply, size_t length) {
  size_t at = REPLY_HEAD;
  uint32_t entries = 0;
  if (!is_success(reply, length)) return false;
  while (at + 4 <= length && get32(reply + at) == 1) {
    at += 12;
    for (int string = 0; string < 3; string++) {
      if (at + 4 > length) return false;
      at += 4 + padded(get32(reply + at));
    }
    entries++;
  }
  bool is_same = entries == tally.entries || tally.entries == 0;
  tally.entries = entries;
  return is_same && entries >= 2 * options.programs && at + 4 == length && get32(reply + at) == 0;
}

static bool is_answer(const struct request *request, enum call call, const uint8_t *reply, size_t length) {
  uint32_t port = FIRST_PORT + request->program;
  switch (call) {
    case GETPORT: return is_number(reply, length, port);
    case GETADDR: return is_address(reply, length, port);
    case DUMP: return is_dump(reply, length);
    case CHANGE: return is_number(reply, length, 1);
  }
  abort();
}

void take_answer(struct request *request, enum call call, const uint8_t *reply, size_t length, uint64_t now) {
  bool is_good = is_answer(request, call, reply, length);
  request->waiting = false;
  if (!is_good) tally.bad++;
  if (call == CHANGE && is_good) request->registered = !request->registered;
  if (!is_good || run.phase != MEASURING) return;
  if (call != options.call) {
    tally.changed++;
    return;
  }
  tally.ops++;
  record(&tally.latencies, now - request->sent_at);
}

bool is_lost(struct request *request, uint64_t now) {
  if (!request->waiting || now - request->sent_at < PATIENCE_NS) return false;
  request->waiting = false;
  tally.lost++;
  return true;
}

int connect_server(int flags) {
  struct sockaddr_in ip = {.sin_family = AF_INET, .sin_port = htons(PORTMAP_PORT)};
  struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = LOCAL_PATH};
  bool is_local = options.transport == LOCAL;
  ip.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int type = options.transport == UDP ? SOCK_DGRAM : SOCK_STREAM;
  int fd = must(socket(is_local ? AF_UNIX : AF_INET, type | flags, 0), "socket");
  /* Changes by root over UDP are accepted only from a reserved port. */
  if (options.transport == UDP) must(bindresvport(fd, NULL), "bindresvport");
  int result = is_local ? connect(fd, (struct sockaddr *)&local, sizeof local)
                        : connect(fd, (struct sockaddr *)&ip, sizeof ip);
  if (result < 0 && errno != EINPROGRESS) fail("connect");
  return fd;
}

static unsigned choice(const char *text, const char *const *names) {
  for (unsigned i = 0; names[i]; i++) {
    if (strcmp(text, names[i]) == 0) return i;
  }
  errno = EINVAL;
  fail(text);
}

static void read_options(int argc, char **argv) {
  static const char *const CALLS[] = {"getport", "getaddr", "dump", "change", NULL};
  static const char *const TRANSPORTS[] = {"udp", "tcp", "unix", NULL};
  static const struct option NAMES[] = {
      {"call", 1, NULL, 'c'},        {"transport", 1, NULL, 't'}, {"window", 1, NULL, 'w'},
      {"connections", 1, NULL, 'n'}, {"once", 0, NULL, 'o'},      {"programs", 1, NULL, 'p'},
      {"changes", 1, NULL, 'x'},     {"warm", 1, NULL, 'a'},      {"seconds", 1, NULL, 's'},
      {"core", 1, NULL, 'l'},        {"server-core", 1, NULL, 'r'}, {"pid", 1, NULL, 'i'},
      {NULL, 0, NULL, 0},
  };
  for (int name; (name = getopt_long(argc, argv, "", NAMES, NULL)) != -1;) {
    unsigned number = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;
    switch (name) {
      case 'c': options.call = choice(optarg, CALLS); break;
      case 't': options.transport = choice(optarg, TRANSPORTS); break;
      case 'w': options.window = number; break;
      case 'n': options.connections = number; break;
      case 'o': options.once = true; break;
      case 'p': options.programs = number; break;
      case 'x': options.changes = number; break;
      case 'a': options.warm = strtod(optarg, NULL); break;
      case 's': options.seconds = strtod(optarg, NULL); break;
      case 'l': options.core = (int)number; break;
      case 'r': options.server_core = (int)number; break;
      case 'i': if (options.pid_count < PIDS_MAX) options.pids[options.pid_count++] = (int)number; break;
      default: exit(2);
    }
  }
  errno = EINVAL;
  if (options.window < 1 || options.window > WINDOW_MAX || options.connections > WINDOW_MAX) fail("--window");
}

static void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  must(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  pin(options.core);
  run.begin = clock_ns() + (uint64_t)(options.warm * 1e9);
  if (options.transport == UDP) call_by_datagrams();
  else if (options.once) call_by_connections();
  else call_by_streams();
  printf("{\"ops\":%ju,\"bad\":%ju,\"lost\":%ju,\"late\":%ju,\"changed\":%ju,\"entries\":%u,", tally.ops, tally.bad,
         tally.lost, tally.late, tally.changed, tally.entries);
  printf("\"seconds\":%.6f,\"p50Us\":%.2f,\"p99Us\":%.2f,", (double)(run.end - run.begin) / 1e9,
         percentile(&tally.latencies, 0.5) / 1e3, percentile(&tally.latencies, 0.99) / 1e3);
  printf("\"serverSeconds\":%.3f,\"loaderSeconds\":%.3f,\"serverCore\":%.4f,\"loaderCore\":%.4f}\n",
         run.server_seconds, run.loader_seconds, run.server_share, run.loader_share);
  return 0;
}
