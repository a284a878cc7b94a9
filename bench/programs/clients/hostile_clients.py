"""Hostile clients in one process: `hostile_clients.py WAY PORT NUMBER`.

dripping     each sends a head of 60 KB without its end, then a byte each 20 ms; a client that is closed comes again
reading      each gets the first bytes of a large answer; at SIGUSR1 all of them leave at once
streams      `ARRIVALS` a second come, ask for a quiet event stream and leave after `STAY` seconds
unanswered   the same, for an answer that never begins

It prints `there` when all have come, and `left NUMBER` when all have gone.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import sys
import time

ARRIVALS = 200  # a second
STAY = 0.05  # seconds
TICK = 0.02  # seconds between two bytes of a dripping client
AGAIN = 1.0  # seconds before a client that was closed comes again
HEAD = b"GET / HTTP/1.1\r\nHost: bench\r\n" + (b"X-Wide: " + b"w" * 990 + b"\r\n") * 60 + b"X-Drip: "
REQUESTS = {
    "dripping": HEAD,
    "reading": b"GET /huge HTTP/1.1\r\nHost: bench\r\n\r\n",
    "streams": b"GET /events HTTP/1.1\r\nHost: bench\r\n\r\n",
    "unanswered": b"GET /never HTTP/1.1\r\nHost: bench\r\n\r\n",
}


def come(way: str, port: int) -> socket.socket:
    """A client that has sent its first bytes."""
    client = socket.socket()
    if way == "reading":
        # Most of the answer then waits at the tee, not in this process's socket.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    client.settimeout(10)
    client.connect(("127.0.0.1", port))
    client.sendall(REQUESTS[way])
    return client


def drip(port: int, number: int) -> None:
    """Send a byte for each client in each tick, until the process is ended."""
    clients: list[socket.socket | None] = [come("dripping", port) for _ in range(number)]
    again = [0.0] * number
    print("there", flush=True)
    due = time.monotonic()
    while True:
        due += TICK
        time.sleep(max(0.0, due - time.monotonic()))
        for place, client in enumerate(clients):
            try:
                if client is not None:
                    client.send(b"d")
                elif time.monotonic() > again[place]:
                    clients[place] = come("dripping", port)
            except OSError:
                if client is not None:
                    client.close()
                clients[place], again[place] = None, time.monotonic() + AGAIN


def leave_in_mid_answer(port: int, number: int) -> None:
    """Come, read the first bytes, and leave at SIGUSR1. Bytes are unread then, so the kernel resets the connection."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    clients = []
    for _ in range(number):
        clients.append(come("reading", port))
        time.sleep(1 / ARRIVALS)
    for client in clients:
        client.recv(1024)
    print("there", flush=True)
    signal.sigwait([signal.SIGUSR1])
    for client in clients:
        client.close()
    print(f"left {number}", flush=True)


def come_and_leave(way: str, port: int, number: int) -> None:
    """Come at even intervals. Each leaves after `STAY` seconds, with nothing unread."""
    began = time.monotonic()
    staying: list[tuple[float, socket.socket]] = []
    for each in range(number):
        time.sleep(max(0.0, began + each / ARRIVALS - time.monotonic()))
        staying.append((time.monotonic() + STAY, come(way, port)))
        while staying and staying[0][0] < time.monotonic():
            leave(staying.pop(0)[1])
    time.sleep(STAY)
    for _, client in staying:
        leave(client)
    print(f"left {number}", flush=True)


def leave(client: socket.socket) -> None:
    """Read what has come, and close."""
    client.setblocking(False)
    with contextlib.suppress(OSError):
        client.recv(65536)
    client.close()


def main() -> None:
    """Run as the command line says."""
    way, port, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if way == "dripping":
        drip(port, number)
    elif way == "reading":
        leave_in_mid_answer(port, number)
    else:
        come_and_leave(way, port, number)


if __name__ == "__main__":
    main()
