"""Many records in one frame, compressed by zstd: their stamps, their lengths and their bytes. Pure: no file.

A frame of this kind has the sequence and the stamp of its last record, as a reader needs them that cannot look into it.
The library `zstandard`, of the extra `zstd`, must be there: see `available`.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from struct import Struct, error
from typing import Any

from httptee.quick import MAX_PAYLOAD

_HEAD = Struct("<II")  # the number of records, and their bytes without compression
_LEVEL = 3
_SMALL = 256 * 1024  # bytes of records in a block; a longer record has one of its own
_NUMBERS = ("q", "I")  # of the stamps, and of the lengths

Record = tuple[int, bytes]
"""A stamp in nanoseconds since the epoch, and the bytes."""


def available() -> bool:
    """Whether blocks can be read and written: the library is there."""
    return _library() is not None


def divided(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Records in the parts that are a block each."""
    start = size = 0
    for at, (_, payload) in enumerate(records):
        if at > start and size + len(payload) > _SMALL:
            yield records[start:at]
            start, size = at, 0
        size += len(payload)
    if records:
        yield records[start:]


def packed(records: Sequence[Record]) -> bytes:
    """The payload of a block. Raises ValueError if the records are too long."""
    stamps, payloads = zip(*records, strict=True)
    numbers = (array(_NUMBERS[0], stamps), array(_NUMBERS[1], map(len, payloads)))
    data = b"".join((*map(_little, numbers), *payloads))
    if len(data) > MAX_PAYLOAD:
        raise ValueError(f"a block has at most {MAX_PAYLOAD} bytes")
    return _HEAD.pack(len(records), len(data)) + bytes(_library().ZstdCompressor(level=_LEVEL).compress(data))


def unpacked(payload: bytes) -> list[Record]:
    """The records of a block. Raises ValueError if it is none."""
    library = _library()
    try:
        count, size = _HEAD.unpack_from(payload)
        if size > MAX_PAYLOAD or library.frame_content_size(payload[_HEAD.size :]) != size:
            raise ValueError("the block does not have the length that it says")
        data = library.ZstdDecompressor().decompress(payload[_HEAD.size :])
    except (error, library.ZstdError) as failure:
        raise ValueError(str(failure)) from None
    stamps, lengths = array(_NUMBERS[0]), array(_NUMBERS[1])
    middle = stamps.itemsize * count
    at = middle + lengths.itemsize * count
    stamps.frombytes(data[:middle])
    lengths.frombytes(data[middle:at])
    if sys.byteorder == "big":
        stamps.byteswap()
        lengths.byteswap()
    if len(stamps) != count or at + sum(lengths) != size:
        raise ValueError("the lengths of the records do not agree")
    records = []
    for stamp, length in zip(stamps, lengths, strict=True):
        records.append((stamp, data[at : at + length]))
        at += length
    return records


def _little(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


@lru_cache(maxsize=1)
def _library() -> Any:
    try:
        return import_module("zstandard")
    except ImportError:
        return None
