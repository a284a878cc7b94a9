"""A clone as it is put into an engine: its id and what the spool holds of it. Pure."""

from __future__ import annotations

from zlib import crc32

from httptee.spool import MalformedClone, StoredClone, decode

_LONGEST = 0xFF


def packed(spool_id: str, clone: StoredClone) -> bytes:
    """The bytes of which `unpacked` makes both again."""
    name = spool_id.encode("latin-1", "replace")[:_LONGEST]
    return bytes((len(name),)) + name + clone.packed()


def unpacked(data: bytes) -> tuple[str, StoredClone]:
    """The id of a clone, and the clone. Raises MalformedClone."""
    end = 1 + (data[0] if data else _LONGEST)
    if end > len(data):
        raise MalformedClone("the record is too short")
    return data[1:end].decode("latin-1"), decode(data[end:])


def partition_of(lane: str, partitions: int) -> int:
    """The partition of a lane: the same in every tee."""
    return crc32(lane.encode("latin-1", "replace")) % partitions
