/* ONC RPC for the benchmark programs: encodes calls of the port mapper, and checks replies. */

#ifndef BENCH_RPC_H
#define BENCH_RPC_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The registrations: program i, version 1, at port FIRST_PORT + i, over udp and tcp. */
enum { FIRST_PROGRAM = 0x20000000, FIRST_PORT = 10000, PROGRAM_VERSION = 1 };
/* The loader's own registrations follow. */
enum { FIRST_OWN_PROGRAM = 0x30000000 };

/* RFC 1833: the program and the procedures. */
enum { PORTMAP_PROGRAM = 100000, PORTMAP_PORT = 111 };
enum { PMAP_SET = 1, PMAP_UNSET = 2, PMAP_GETPORT = 3, RPCB_SET = 1, RPCB_GETADDR = 3, RPCB_DUMP = 4 };
#define LOCAL_PATH "/run/rpcbind.sock"

/* RFC 5531: xid, direction, status, a verifier of two words, status. The results follow. */
enum { REPLY_HEAD = 24, CALL_MAX = 256, LAST_FRAGMENT = 1u << 31 };

static inline uint8_t *put32(uint8_t *at, uint32_t value) {
  value = __builtin_bswap32(value);
  memcpy(at, &value, 4);
  return at + 4;
}

static inline uint32_t get32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return __builtin_bswap32(value);
}

static inline uint32_t padded(uint32_t length) {
  return (length + 3) & ~3u;
}

static inline uint8_t *put_string(uint8_t *at, const char *text) {
  uint32_t length = (uint32_t)strlen(text);
  at = put32(at, length);
  memset(at, 0, padded(length));
  memcpy(at, text, length);
  return at + padded(length);
}

/* The header of a call, without credentials. */
static inline uint8_t *put_call(uint8_t *at, uint32_t xid, uint32_t version, uint32_t procedure) {
  const uint32_t words[] = {xid, 0, 2, PORTMAP_PROGRAM, version, procedure, 0, 0, 0, 0};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) at = put32(at, words[i]);
  return at;
}

/* The arguments of version 2. */
static inline uint8_t *put_mapping(uint8_t *at, uint32_t program, uint32_t protocol, uint32_t port) {
  at = put32(put32(at, program), PROGRAM_VERSION);
  return put32(put32(at, protocol), port);
}

/* The arguments of versions 3 and 4. */
static inline uint8_t *put_rpcb(uint8_t *at, uint32_t program, const char *netid, const char *address,
                                const char *owner) {
  at = put32(put32(at, program), PROGRAM_VERSION);
  return put_string(put_string(put_string(at, netid), address), owner);
}

/* The universal address of a port. The text needs 32 bytes. */
static inline void write_uaddr(char *text, const char *host, uint32_t port) {
  snprintf(text, 32, "%s.%u.%u", host, (port >> 8) & 255, port & 255);
}

/* Whether the bytes are a reply with SUCCESS, regardless of its xid. */
static inline bool is_success(const uint8_t *reply, size_t length) {
  static const uint8_t ACCEPTED[REPLY_HEAD - 4] = {0, 0, 0, 1};
  return length >= REPLY_HEAD && memcmp(reply + 4, ACCEPTED, sizeof ACCEPTED) == 0;
}

/* Whether the bytes are a reply whose only result is this number. */
static inline bool is_number(const uint8_t *reply, size_t length, uint32_t number) {
  return length == REPLY_HEAD + 4 && is_success(reply, length) && get32(reply + REPLY_HEAD) == number;
}

_Noreturn static inline void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "not as expected");
  exit(1);
}

/* The result of a system call that must not fail. */
static inline int must(int result, const char *what) {
  if (result < 0) fail(what);
  return result;
}

#endif
