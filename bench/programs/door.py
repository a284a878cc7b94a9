"""When requests come to a server, by the kernel's own stamps of their packets on the loopback interface.

A server's log says when the server has taken a request up, and mostly rounds that to a millisecond. The stamp of a
packet says when it was at the server's door.
"""

from __future__ import annotations

import ctypes
import re
import socket
import struct
import threading

_ETH_P_IP = 0x0800
_SO_ATTACH_FILTER, _SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 26, 35, 33
_OUTGOING = 4  # a packet on loopback is seen twice: once as it goes out
_KEPT = 600  # bytes of each packet: the fields of a request
_BUFFER = 64 << 20
_WAIT = 0.2  # seconds until the end is noticed
_NUMBER = re.compile(rb"\r\nX-Httptee-Replay: (\d+)\r\n", re.IGNORECASE)


def _filter(port: int) -> bytes:
    """The kernel's filter for TCP over IPv4 to a port (classic BPF, as `tcpdump -dd` prints it)."""
    program = [
        (0x28, 0, 0, 12), (0x15, 0, 7, _ETH_P_IP), (0x30, 0, 0, 23), (0x15, 0, 5, socket.IPPROTO_TCP),
        (0xB1, 0, 0, 14), (0x48, 0, 0, 16), (0x15, 0, 2, port), (0x06, 0, 0, _KEPT), (0x06, 0, 0, 0), (0x06, 0, 0, 0),
    ]  # fmt: skip
    return b"".join(struct.pack("HBBI", *line) for line in program)


class Door:
    """Notes when each request of a replay comes to a port: `arrivals` by its number, in seconds since the epoch. Only
    for root: raises PermissionError."""

    def __init__(self, port: int) -> None:
        self.arrivals: dict[int, float] = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP))
        code = ctypes.create_string_buffer(_filter(port))
        program = struct.pack("HL", len(code) // 8, ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(("lo", _ETH_P_IP))
        self._socket.settimeout(_WAIT)
        self._ended = False
        self._thread = threading.Thread(target=self._note)
        self._thread.start()

    def close(self) -> None:
        """Note what is left, and end."""
        self._ended = True
        self._thread.join()
        self._socket.close()

    def _note(self) -> None:
        while True:
            try:
                data, more, _, address = self._socket.recvmsg(_KEPT, 64)
            except TimeoutError:
                if self._ended:
                    return
                continue
            found = _NUMBER.search(data) if address[2] != _OUTGOING else None
            if found and more:
                seconds, nanoseconds = struct.unpack("ll", more[0][2])
                self.arrivals.setdefault(int(found[1]), seconds + nanoseconds / 1e9)
