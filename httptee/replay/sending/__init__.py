"""The processes that send: an open loop over many connections, each request at its own time. `start` starts one;
`Item` goes in and `Sent` comes out."""

from httptee.replay.sending.item import CUT, DONE, END, LOST, START, STOP, STOPPED, Item, Sent
from httptee.replay.sending.processes import Process, Sending, start

__all__ = [
    "CUT",
    "DONE",
    "END",
    "LOST",
    "START",
    "STOP",
    "STOPPED",
    "Item",
    "Process",
    "Sending",
    "Sent",
    "start",
]
