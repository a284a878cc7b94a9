"""Ten thousand chunked bodies, valid and broken, read by the tee's reader and by a plain one: no difference.

They are drawn with a seed: hypothesis takes far longer to draw a body than both readers to read it.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from httptee.errors import BadRequest, BodyTooLarge
from httptee.http.chunks import ChunkReader
from tests.support.reference import BrokenError, ChunkedBody, TooLargeError, UnfinishedError

MOST = 60
MESSAGES = 10_000
# Ends a line and a section in every state but inside the content, so a fault that was not seen yet is seen there.
FORCED = b"\n\r\n\r\n"
BEHIND = b"GET / HTTP/1.1\r\n\r\n"

CONTENTS = [
    *(b"a", b"\r", b"\n", b"\r\n", b"0\r\n\r\n", b"\x00\xff", b"5\r\nhello\r\n", b"x" * 15),
    *(b"y" * 16, b"z" * 17, b"0" * 40),
]
SIZES = ["%x", "%X", "%x", "0%x", "%04X", "%016x"]
EXTENSIONS = ["", "", "", "", ";a", ";a=b", ' ; a = "q;\\""', ';a="b\\\\";c\t=\td', ';\t!="\xe9\t "', ";0;1"]
TRAILERS = ["", "", "", "A: b\r\n", "x-y:\r\nZ:\t\xff \r\n", "Content-Length: 9\r\nHost: h\r\n"]
ZEROS = ["0", "0", "00", "0" * 16]
FAULTS = [
    *(b"\r", b"\n", b"\r\n", b"\n\r\n", b" ", b"\t", b";", b"=", b'"', b"\\", b":", b"0", b"1", b"f", b"g", b"G"),
    *(b"-", b"+", b"_", b"\x00", b"\x0b", b"\x7f", b"\x85", b"\xa0", b"0x", b"\r\n ", b"\x1f"),
]
FLAWS = [
    *(" ", "\t", "\xa0", "\r", "\n", "\r\n", ";", "; ", ";a ", ";a\t", ";a=", ";a=b ", ";a= ", ";a=b c", ";a;", ";;a"),
    *(" ;a", ";a =b", ";\xe9", ";a=\xe9", ';"a"', ';a="b', ';a="\x00"', ';a="\\\x00"', ';a="b"c', ';a=b"c"', "=a", "x"),
    *(";a\x00", ";a=\x7f", ";a=b,c", "0" * 16, ";" + "a" * 90, ';a="\x7f"', ';a="\x1f"'),
    *("\r\nA: \x1f", "\r\nA:\x7f", "\r\nA : b", "\r\nA: b\r\n c", "\r\n: b", "\r\nA", "\r\nA: b\rc", "\r\nA: b\n"),
]


def written(parts: list[tuple[str, str, bytes]], last: tuple[str, str, str]) -> bytes:
    """The body on the wire."""
    lines = [
        (size % len(content) + extension + "\r\n").encode("latin-1") + content + b"\r\n"
        for size, extension, content in parts
    ]
    zeros, extension, fields = last
    return b"".join(lines) + f"{zeros}{extension}\r\n{fields}\r\n".encode("latin-1")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The body with bytes inserted, deleted, replaced or doubled, in one to three places."""
    for _ in range(chance.randint(1, 3)):
        at, fault = chance.randint(0, len(data)), chance.choice(FAULTS)
        before, behind = data[:at], data[at:]
        data = {
            "i": before + fault + behind,
            "d": before + behind[len(fault) :],
            "r": before + fault + behind[len(fault) :],
            "t": before + behind[:5] + behind,
        }[chance.choice("idrt")]
    return data


def forms(chance: random.Random) -> list[bytes]:
    """A body, the same with faults and with a flaw in its last line, and a part of it."""
    parts = [
        (
            chance.choice(SIZES),
            chance.choice(EXTENSIONS),
            chance.choice([*CONTENTS, chance.randbytes(chance.randint(1, 20))]),
        )
        for _ in range(chance.randint(0, 5))
    ]
    zeros, extension, fields = chance.choice(ZEROS), chance.choice(EXTENSIONS), chance.choice(TRAILERS)
    data = written(parts, (zeros, extension, fields))
    return [
        data + BEHIND,
        mutated(data, chance) + BEHIND,
        written(parts, (zeros, chance.choice(FLAWS), fields)) + BEHIND,
        data[: chance.randrange(len(data))],
    ]


def read(data: bytes, cuts: list[int]) -> tuple[str, bytes, int]:
    """What the tee's reader makes of the same bytes in pieces: as the reference's verdict."""
    reader, content, used = ChunkReader(MOST), b"", 0
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    try:
        for start, end in pairwise(places):
            at = start
            while at < end and not reader.whole:
                taken, piece = reader.feed(data[at:end])
                at += taken
                content += piece
            used = at
            if reader.whole:
                return "whole", content, used
    except BodyTooLarge:
        return "too large", b"", 0
    except BadRequest:
        return "broken", b"", 0
    return "unfinished", content, used


def read_by_the_reference(data: bytes) -> tuple[str, bytes, int]:
    """The same by the reference."""
    try:
        body = ChunkedBody(data, MOST)
    except BrokenError:
        return "broken", b"", 0
    except TooLargeError:
        return "too large", b"", 0
    except UnfinishedError as error:
        return "unfinished", error.content, len(data)
    return "whole", body.content, body.size


def compare(data: bytes, cuts: list[int]) -> str:
    """Fail if the two readers differ; return the verdict."""
    expected = read_by_the_reference(data)
    if expected[0] in ("broken", "too large"):
        assert read(data + FORCED, cuts)[0] == expected[0]
    else:
        assert read(data, cuts) == expected
    return expected[0]


def test_ten_thousand_bodies_are_read_as_the_reference_reads_them() -> None:
    verdicts: Counter[str] = Counter()
    for seed in range(MESSAGES // 4):
        chance = random.Random(seed)
        cuts = [chance.randint(0, 400) for _ in range(chance.randint(0, 5))]
        verdicts.update(compare(form, cuts) for form in forms(chance))
    assert verdicts.total() == MESSAGES
    assert all(verdicts[kind] > MESSAGES // 50 for kind in ("whole", "broken", "too large", "unfinished")), verdicts


@pytest.mark.parametrize("data", [b"5;a=b;c\r\nhello\r\n00;d\r\nA: b\r\n\r\n", b'1;a="\\\x80"\r\nx\r\n0\r\n\r\n'])
def test_each_byte_of_a_body_may_be_any_other_at_every_cut(data: bytes) -> None:
    for at in range(len(data)):
        for byte in range(256):
            compare(data[:at] + bytes([byte]) + data[at + 1 :], [at, at + 1])
            compare(data[:at] + bytes([byte]) + data[at:], [at + 1])
