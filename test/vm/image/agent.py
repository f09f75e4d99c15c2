"""Runs the commands that a test sends to a virtual machine over the serial port, one after the other.

A line is a JSON object: {"command", "seconds"} in, {"code", "stdout", "stderr"} out. It needs no network, so a guard
that refuses every bind does not stop it.
"""

import json
import os
import signal
import subprocess
import time

PORT = "/dev/virtio-ports/agent"


def run(request):
    child = subprocess.Popen(
        ["/bin/bash", "-c", request["command"]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
    )
    try:
        out, err = child.communicate(timeout=request["seconds"])
        code = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
        code = None
    return {"code": code, "stdout": out.decode(errors="replace"), "stderr": err.decode(errors="replace")}


def main():
    port = open(PORT, "r+b", buffering=0)
    pending = b""
    while True:
        piece = port.read(65536)
        if not piece:
            # The other end is not connected.
            time.sleep(0.05)
            continue
        pending += piece
        *lines, pending = pending.split(b"\n")
        for line in lines:
            answer = json.dumps(run(json.loads(line))).encode() + b"\n"
            while answer:
                answer = answer[port.write(answer) :]


main()
