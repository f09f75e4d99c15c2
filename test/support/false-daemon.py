# Serves a forged status on PATH, as the daemon does on status.sock.
import socket
import sys

BODY = b'{"version":"6.6.6","pid":1,"since":"2026-01-01T00:00:00.000Z","runtime":"/planted"}'
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
while True:
    one = server.accept()[0]
    one.recv(65536)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)
    one.sendall(head + BODY)
    one.close()
