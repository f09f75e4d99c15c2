"""Binds a TCP port on all addresses: bind PORT [listen]. Prints "bound" or the errno; "listen" keeps the port."""

import errno
import signal
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    server.bind(("0.0.0.0", int(sys.argv[1])))
except OSError as error:
    print(errno.errorcode[error.errno])
    sys.exit(1)
print("bound", flush=True)
if sys.argv[2:] == ["listen"]:
    server.listen()
    signal.pause()
