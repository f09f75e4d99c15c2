/* The loader over streams: persistent connections with several outstanding calls, or one connection per call. */

#define _GNU_SOURCE
#include "load.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { RECORD_MAX = 16 << 20, REPLY_MAX = 512 };

struct connection {
  int fd;
  struct request *requests;
  /* Replies arrive in the order of the requests: the next one belongs to slot `next`. */
  unsigned next;
  uint8_t *input;
  size_t length;
};

/* The size of the first record with its marks, or 0 if it is incomplete. Fragments are joined. */
static size_t whole_record(uint8_t *bytes, size_t length, size_t *payload) {
  size_t at = 0;
  bool is_last = false;
  while (!is_last) {
    if (at + 4 > length) return 0;
    is_last = (get32(bytes + at) & LAST_FRAGMENT) != 0;
    at += 4 + (get32(bytes + at) & ~LAST_FRAGMENT);
  }
  if (at > length) return 0;
  *payload = 0;
  for (size_t from = 0; from < at;) {
    size_t size = get32(bytes + from) & ~LAST_FRAGMENT;
    if (from > 0) memmove(bytes + 4 + *payload, bytes + from + 4, size);
    *payload += size;
    from += 4 + size;
  }
  return at;
}

/* Processes complete replies and returns their number. The rest is moved to the front. */
static unsigned take_records(struct connection *connection, uint64_t now) {
  size_t at = 0, size, payload;
  unsigned count = 0;
  while ((size = whole_record(connection->input + at, connection->length - at, &payload)) > 0) {
    struct request *request = &connection->requests[connection->next];
    const uint8_t *reply = connection->input + at + 4;
    connection->next = (connection->next + 1) % options.window;
    if (payload >= 4 && request->waiting && get32(reply) == xid_of(request)) {
      take_answer(request, options.call, reply, payload, now);
    } else {
      tally.bad++;
    }
    at += size;
    count++;
  }
  connection->length -= at;
  memmove(connection->input, connection->input + at, connection->length);
  return count;
}

static void send_bytes(int fd, const uint8_t *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    done += (size_t)must((int)send(fd, bytes + done, length - done, MSG_NOSIGNAL), "send");
  }
}

/* Makes the next calls on a connection, in the slots before the one whose reply is next. */
static void send_records(struct connection *connection, unsigned count) {
  static uint8_t bytes[WINDOW_MAX * CALL_MAX];
  uint8_t *end = bytes;
  uint64_t now = clock_ns();
  for (unsigned i = 0; i < count; i++) {
    unsigned slot = (connection->next + options.window - count + i) % options.window;
    connection->requests[slot].sent_at = now;
    end = put_record(&connection->requests[slot], end);
  }
  send_bytes(connection->fd, bytes, (size_t)(end - bytes));
}

static bool is_any_waiting(const struct connection *connections) {
  for (unsigned i = 0; i < options.connections; i++) {
    for (unsigned slot = 0; slot < options.window; slot++) {
      if (connections[i].requests[slot].waiting) return true;
    }
  }
  return false;
}

static void receive_records(struct connection *connection) {
  size_t room = RECORD_MAX - connection->length;
  ssize_t count = recv(connection->fd, connection->input + connection->length, room, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) fail("the server closed the connection");
  connection->length += (size_t)count;
  unsigned answered = take_records(connection, clock_ns());
  if (answered > 0 && phase() < DRAINING) send_records(connection, answered);
}

static void *zeroed(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (!memory) fail("calloc");
  return memory;
}

static void open_stream(int epoll, struct connection *connection) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  connection->fd = connect_server(0);
  connection->input = zeroed(1, RECORD_MAX);
  connection->requests = zeroed(options.window, sizeof *connection->requests);
  for (unsigned slot = 0; slot < options.window; slot++) connection->requests[slot].slot = slot;
  if (options.transport == TCP) {
    must(setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), "TCP_NODELAY");
  }
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event), "epoll_ctl");
  send_records(connection, options.window);
}

void call_by_streams(void) {
  struct connection *connections = zeroed(options.connections, sizeof *connections);
  struct epoll_event events[WINDOW_MAX];
  int epoll = must(epoll_create1(0), "epoll_create1");
  for (unsigned i = 0; i < options.connections; i++) open_stream(epoll, &connections[i]);
  while (phase() != FINISHED) {
    int count = must(epoll_wait(epoll, events, WINDOW_MAX, TICK_MS), "epoll_wait");
    for (int i = 0; i < count; i++) receive_records(events[i].data.ptr);
    check_time(clock_ns(), is_any_waiting(connections));
  }
  for (unsigned i = 0; i < options.connections; i++) {
    for (unsigned slot = 0; slot < options.window; slot++) tally.lost += connections[i].requests[slot].waiting;
  }
}

/* One connection per call: the next one is made after the reply has arrived and the connection is closed. */

static void open_call(int epoll, int *fd, struct request *request) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = request->slot};
  uint8_t bytes[CALL_MAX];
  request->sent_at = clock_ns();
  uint8_t *end = put_record(request, bytes);
  *fd = connect_server(SOCK_NONBLOCK);
  /* Over loopback the connection is already established. */
  send_bytes(*fd, bytes, (size_t)(end - bytes));
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, *fd, &event), "epoll_ctl");
}

/* Whether the call has ended: its complete reply arrived, or the connection was closed without one. */
static bool receive_call(int fd, struct request *request) {
  uint8_t bytes[REPLY_MAX];
  size_t payload;
  ssize_t count = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return false;
  if (count > 0 && whole_record(bytes, (size_t)count, &payload) == (size_t)count && get32(bytes + 4) == xid_of(request)) {
    take_answer(request, options.call, bytes + 4, payload, clock_ns());
  } else {
    request->waiting = false;
    tally.bad++;
  }
  return true;
}

void call_by_connections(void) {
  static struct request requests[WINDOW_MAX];
  static int fds[WINDOW_MAX];
  struct epoll_event events[WINDOW_MAX];
  int epoll = must(epoll_create1(0), "epoll_create1");
  unsigned open = options.connections;
  for (unsigned i = 0; i < open; i++) {
    requests[i].slot = i;
    open_call(epoll, &fds[i], &requests[i]);
  }
  while (phase() != FINISHED) {
    int count = must(epoll_wait(epoll, events, WINDOW_MAX, TICK_MS), "epoll_wait");
    for (int i = 0; i < count; i++) {
      uint32_t slot = events[i].data.u32;
      if (!receive_call(fds[slot], &requests[slot])) continue;
      close(fds[slot]);
      if (phase() < DRAINING) open_call(epoll, &fds[slot], &requests[slot]);
      else open--;
    }
    uint64_t now = clock_ns();
    for (unsigned i = 0; count == 0 && i < options.connections; i++) {
      if (!is_lost(&requests[i], now)) continue;
      close(fds[i]);
      if (phase() < DRAINING) open_call(epoll, &fds[i], &requests[i]);
      else open--;
    }
    check_time(now, open > 0);
  }
}

