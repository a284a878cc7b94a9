"""What a process does about its memory, about once a second: it looks for garbage, and returns what is unused."""

from httptee.server.memory.heap import Heap

__all__ = ["Heap"]
