# Sends datagrams to the port mapper from short-lived sockets: datagrams.py PATTERN JSON-PARAMETERS.
import ctypes
import json
import os
import socket
import sys
import time

PORT = 111
LOOPBACK = {4: '127.0.0.1', 6: '::1'}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
# <linux/net.h>, <linux/net_tstamp.h>: the transmission time of a packet, by a clock that the sender chooses.
SO_TXTIME, CLOCK_MONOTONIC = 61, 1


def sender(task, port=0, address=''):
    one = socket.socket(FAMILY[task['family']], socket.SOCK_DGRAM)
    if port:
        one.bind((address, port))
    return one


def send(one, task):
    one.sendto(bytes.fromhex(task['message']), (LOOPBACK[task['family']], PORT))


# Bursts of datagrams, each from a new socket that is closed immediately.
def burst(task):
    end = time.monotonic() + task['seconds']
    sent = 0
    while time.monotonic() < end:
        for _ in range(task['sockets']):
            one = sender(task)
            send(one, task)
            one.close()
        sent += task['sockets']
        time.sleep(task['pauseMs'] / 1000)
    return sent


# Short-lived sockets with ephemeral ports, as resolvers use them.
def lend(task):
    end = time.monotonic() + task['seconds']
    opened = 0
    while time.monotonic() < end:
        sockets = [sender(task) for _ in range(task['sockets'])]
        for one in sockets:
            one.sendto(b'?', (LOOPBACK[task['family']], 53))
        time.sleep(task['pauseMs'] / 1000)
        for one in sockets:
            one.close()
        opened += task['sockets']
    return opened


# Waits for the test to create a file.
def await_step(name):
    while not os.path.exists('/run/' + name):
        time.sleep(0.002)


# The Boolean result of an answer; None if there is none.
def answer(one):
    one.setblocking(False)
    try:
        return one.recv(100)[-1] == 1
    except BlockingIOError:
        return None


# One user sends from a port and closes it; another user then binds the port and reports what it received.
def hand_over(task):
    os.seteuid(task['from'])
    first = sender(task, task['port'])
    if task['isDated']:
        first.setsockopt(socket.SOL_SOCKET, SO_TXTIME, CLOCK_MONOTONIC.to_bytes(4, 'little') + bytes(4))
        ahead = time.monotonic_ns() + 3_600_000_000_000
        times = [(socket.SOL_SOCKET, SO_TXTIME, ahead.to_bytes(8, 'little'))]
        first.sendmsg([bytes.fromhex(task['message'])], times, 0, (LOOPBACK[task['family']], PORT))
    else:
        send(first, task)
    first.close()
    os.seteuid(0)
    os.seteuid(task['to'])
    second = sender(task, task['port'])
    os.seteuid(0)
    print('handed over', flush=True)
    await_step('read')
    return answer(second)


# A client that sends from one socket at each step of the test, and reports the answer.
def repeat(task):
    one = sender(task, task['port'], task['address'])
    for time_ in range(1, task['times'] + 1):
        await_step(f'send{time_}')
        send(one, task)
        print(f'sent {time_}', flush=True)
    await_step('read')
    return answer(one)


# A client that retransmits from the same socket until it has an answer.
def ask(task):
    one = sender(task, task['port'])
    one.settimeout(task['waitMs'] / 1000)
    # A port that another client has just closed also receives the answers for that client.
    xid = os.urandom(4)
    task['message'] = xid.hex() + task['message'][2 * len(xid):]
    for _ in range(task['attempts']):
        send(one, task)
        try:
            while (answer := one.recv(100))[:4] != xid:
                pass
            return answer[-1] == 1
        except TimeoutError:
            pass
    return None


# pmap_set(3) and pmap_unset(3) of glibc, which are available only as old symbol versions.
def pmap(task):
    libc = ctypes.CDLL('libc.so.6')
    find = libc.dlvsym
    find.restype = ctypes.c_void_p
    find.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]

    def function(name, *types):
        for version in (b'GLIBC_2.2.5', b'GLIBC_2.17'):
            at = find(libc._handle, name, version)
            if at:
                return ctypes.CFUNCTYPE(ctypes.c_int, *types)(at)
        raise SystemExit('no such function')

    long = ctypes.c_ulong
    pmap_set = function(b'pmap_set', long, long, ctypes.c_int, ctypes.c_ushort)
    pmap_unset = function(b'pmap_unset', long, long)
    program, port = task['program'], task['port']
    set_udp = pmap_set(program, 1, socket.IPPROTO_UDP, port)
    return [set_udp, pmap_unset(program, 1), pmap_set(program, 1, socket.IPPROTO_TCP, port)]


PATTERNS = {'burst': burst, 'lend': lend, 'hand-over': hand_over, 'repeat': repeat, 'ask': ask, 'pmap': pmap}
print(json.dumps(PATTERNS[sys.argv[1]](json.loads(sys.argv[2]))), flush=True)
