/*
 * The loader over UDP. One system call receives a batch of replies, and one sends as many requests of equal size. With
 * UDP_SEGMENT (udp(7)) the kernel splits them, so that the loader uses less of its core than the server.
 */

#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <netinet/udp.h>
#include <sys/socket.h>

enum { DATAGRAM_MAX = 512 };
/* The kernel's UDP_MAX_SEGMENTS. */
enum { SEGMENTS_MAX = 64 };

static struct {
  int fd;
  struct request requests[WINDOW_MAX + 1];
  struct iovec vectors[WINDOW_MAX];
  struct mmsghdr in[WINDOW_MAX];
  uint8_t bytes_in[WINDOW_MAX][DATAGRAM_MAX], bytes_out[(WINDOW_MAX + 1) * CALL_MAX];
  size_t request_size, out_length;
  uint64_t change_at;
} udp;

/* Binds a UDP socket that stays open, and returns its port: a registration should have a socket. */
static uint32_t hold_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  must(bind(fd, (struct sockaddr *)&address, length), "bind");
  must(getsockname(fd, (struct sockaddr *)&address, &length), "getsockname");
  return ntohs(address.sin_port);
}

/* The last slot is for changes made in addition to the calls. */
static enum call call_of(const struct request *request) {
  return request->slot == options.window ? CHANGE : options.call;
}

static void open_udp(void) {
  int size = 8 << 20;
  struct timeval tick = {.tv_usec = TICK_MS * 1000};
  udp.fd = connect_server(0);
  must(setsockopt(udp.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size), "SO_RCVBUFFORCE");
  must(setsockopt(udp.fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick), "SO_RCVTIMEO");
  for (unsigned i = 0; i <= options.window; i++) {
    udp.requests[i].slot = i;
    if (call_of(&udp.requests[i]) == CHANGE) udp.requests[i].port = hold_port();
    if (i == options.window) break;
    udp.vectors[i] = (struct iovec){udp.bytes_in[i], DATAGRAM_MAX};
    udp.in[i].msg_hdr = (struct msghdr){.msg_iov = &udp.vectors[i], .msg_iovlen = 1};
  }
  struct request sample = udp.requests[0];
  udp.request_size = (size_t)(put_request(&sample, options.call, udp.bytes_out) - udp.bytes_out);
  int segment = (int)udp.request_size;
  must(setsockopt(udp.fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment), "UDP_SEGMENT");
}

static void add_datagram(struct request *request) {
  uint8_t *bytes = udp.bytes_out + udp.out_length;
  uint8_t *end = put_request(request, call_of(request), bytes);
  errno = 0;
  if ((size_t)(end - bytes) != udp.request_size) fail("requests of one size");
  udp.out_length += udp.request_size;
}

static size_t min(size_t a, size_t b) {
  return a < b ? a : b;
}

static void send_datagrams(void) {
  uint64_t now = clock_ns();
  for (size_t at = 0; at < udp.out_length; at += udp.request_size) {
    udp.requests[get32(udp.bytes_out + at) & SLOT_MASK].sent_at = now;
  }
  for (size_t at = 0; at < udp.out_length;) {
    size_t length = min(udp.out_length - at, SEGMENTS_MAX * udp.request_size);
    must((int)send(udp.fd, udp.bytes_out + at, length, 0), "send");
    at += length;
  }
  udp.out_length = 0;
}

static void take_datagram(const uint8_t *reply, size_t length, uint64_t now) {
  uint32_t xid = length < 4 ? UINT32_MAX : get32(reply);
  uint32_t slot = xid & SLOT_MASK;
  struct request *request = &udp.requests[slot <= options.window ? slot : 0];
  if (!request->waiting || xid_of(request) != xid) {
    tally.late++;
    return;
  }
  take_answer(request, call_of(request), reply, length, now);
  if (phase() < DRAINING && request->slot < options.window) add_datagram(request);
}

/* Repeats lost calls. Returns whether any call is outstanding. */
static bool look_after_datagrams(uint64_t now) {
  bool is_waiting = false;
  for (unsigned i = 0; i <= options.window; i++) {
    struct request *request = &udp.requests[i];
    if (is_lost(request, now) && i < options.window && phase() < DRAINING) add_datagram(request);
    is_waiting |= request->waiting;
  }
  return is_waiting;
}

/* A SET, and its UNSET half a period later. */
static void make_change(uint64_t now) {
  struct request *request = &udp.requests[options.window];
  if (options.changes == 0 || now < udp.change_at || request->waiting || phase() >= DRAINING) return;
  udp.change_at = now + NS_PER_S / 2 / options.changes;
  add_datagram(request);
}

void call_by_datagrams(void) {
  uint64_t next_tick = 0;
  open_udp();
  for (unsigned i = 0; i < options.window; i++) add_datagram(&udp.requests[i]);
  while (phase() != FINISHED) {
    send_datagrams();
    int count = recvmmsg(udp.fd, udp.in, options.window, MSG_WAITFORONE, NULL);
    if (count < 0 && errno != EAGAIN) fail("recvmmsg");
    uint64_t now = clock_ns();
    if (now >= next_tick) {
      next_tick = now + TICK_MS * 1000000ull;
      check_time(now, look_after_datagrams(now));
    }
    for (int i = 0; i < count; i++) take_datagram(udp.bytes_in[i], udp.in[i].msg_len, now);
    make_change(now);
  }
}
