# Holds sockets of each state and both families until end of input; a child inherits them.
import os
import socket
import sys
import time

kept = []


def sock(family, kind=socket.SOCK_STREAM):
    one = socket.socket(family, kind)
    kept.append(one)
    return one


def bound(family, address, port, v6only=None, kind=socket.SOCK_STREAM):
    one = sock(family, kind)
    if v6only is not None:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    one.bind((address, port))
    return one


def listening(*args):
    one = bound(*args)
    one.listen()
    return one


INET, INET6 = socket.AF_INET, socket.AF_INET6
listener = listening(INET, '127.0.0.1', 3001)
listening(INET, '0.0.0.0', 3002)
listening(INET6, '::1', 3003)
dual = listening(INET6, '::', 3004, 0)
listening(INET6, '::', 3005, 1)
bound(INET, '127.0.0.1', 3006)
bound(INET6, '::', 3007, 1)
bound(INET, '0.0.0.0', 3008, None, socket.SOCK_DGRAM)
bound(INET6, '::1', 3009, None, socket.SOCK_DGRAM)
bound(INET6, '::', 3010, 0, socket.SOCK_DGRAM)
bound(INET, '127.0.0.1', 3011, None, socket.SOCK_DGRAM).connect(('127.0.0.1', 3008))

# Connections over IPv4 to an IPv4 and to an IPv6 listener.
for port, to in ((3012, listener), (3013, dual)):
    bound(INET, '127.0.0.1', port).connect(('127.0.0.1', to.getsockname()[1]))
    kept.append(to.accept()[0])

# One end closed: FIN_WAIT2 and CLOSE_WAIT.
half = bound(INET, '127.0.0.1', 3014)
half.connect(('127.0.0.1', 3001))
kept.append(listener.accept()[0])
half.shutdown(socket.SHUT_WR)

# Both ends closed: TIME_WAIT at the first.
ended = bound(INET, '127.0.0.1', 3015)
ended.connect(('127.0.0.1', 3001))
other = listener.accept()[0]
ended.close()
time.sleep(0.05)
other.close()

# Connected but not accepted: the other end has no owner yet.
bound(INET, '127.0.0.1', 3016).connect(('127.0.0.1', 3002))

# A child that inherits all sockets.
if os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
print('ready', flush=True)
sys.stdin.read()
