// Binds a TCP port of loopback, "setuid-bind PORT", and prints the result and its effective and real uid.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct sockaddr_in name = {
      .sin_family = AF_INET, .sin_port = htons(atoi(argv[argc - 1])), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int result = bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&name, sizeof name);
  printf("%s as uid %d for %d\n", result == 0 ? "ok" : errno == EACCES ? "EACCES" : "failed", geteuid(), getuid());
}
