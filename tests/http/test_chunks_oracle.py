"""Chunked bodies of hypothesis, valid and broken, read by the tee's reader and by a plain one: no difference."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee.errors import BadRequest, BodyTooLarge
from httptee.http.chunks import ChunkReader
from tests.support.chunked import read_chunked

MOST = 60
MESSAGES = 10_000
FORMS = 4  # messages of one example: drawing it takes longer than reading it
# Ends a line and a section in every state but inside the content, so a fault that was not seen yet is seen there.
FORCED = b"\n\r\n\r\n"
BEHIND = b"GET / HTTP/1.1\r\n\r\n"

contents = st.one_of(
    st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"0\r\n\r\n", b"\x00\xff", b"5\r\nhello\r\n", b"x" * 15]),
    st.sampled_from([b"y" * 16, b"z" * 17, b"0" * 40]),
    st.binary(min_size=1, max_size=20),
)
sizes = st.sampled_from(["%x", "%X", "%x", "0%x", "%04X", "%016x"])
extensions = st.sampled_from(
    ["", "", "", "", ";a", ";a=b", ' ; a = "q;\\""', ';a="b\\\\";c\t=\td', ';\t!="\xe9\t "', ";0;1"]
)
trailers = st.sampled_from(["", "", "", "A: b\r\n", "x-y:\r\nZ:\t\xff \r\n", "Content-Length: 9\r\nHost: h\r\n"])
chunks = st.tuples(sizes, extensions, contents)
lasts = st.tuples(st.sampled_from(["0", "0", "00", "0" * 16]), extensions, trailers)
faults = st.sampled_from(
    [
        *(b"\r", b"\n", b"\r\n", b"\n\r\n", b" ", b"\t", b";", b"=", b'"', b"\\", b":", b"0", b"1", b"f", b"g", b"G"),
        *(b"-", b"+", b"_", b"\x00", b"\x0b", b"\x7f", b"\x85", b"\xa0", b"0x", b"\r\n ", b"\x1f"),
    ]
)
flaws = st.sampled_from(
    [
        *(
            " ",
            "\t",
            "\xa0",
            "\r",
            "\n",
            "\r\n",
            ";",
            "; ",
            ";a ",
            ";a\t",
            ";a=",
            ";a=b ",
            ";a= ",
            ";a=b c",
            ";a;",
            ";;a",
        ),
        *(
            " ;a",
            ";a =b",
            ";\xe9",
            ";a=\xe9",
            ';"a"',
            ';a="b',
            ';a="\x00"',
            ';a="\\\x00"',
            ';a="b"c',
            ';a=b"c"',
            "=a",
            "x",
        ),
        *(";a\x00", ";a=\x7f", ";a=b,c", "0" * 16, ";" + "a" * 90, ';a="\x7f"', ';a="\x1f"'),
        *("\r\nA: \x1f", "\r\nA:\x7f", "\r\nA : b", "\r\nA: b\r\n c", "\r\n: b", "\r\nA", "\r\nA: b\rc", "\r\nA: b\n"),
    ]
)
mutations = st.lists(st.tuples(st.sampled_from("idrt"), st.integers(0, 400), faults), min_size=1, max_size=3)


def written(parts: list[tuple[str, str, bytes]], last: tuple[str, str, str]) -> bytes:
    """The body on the wire."""
    lines = [
        (size % len(content) + extension + "\r\n").encode("latin-1") + content + b"\r\n"
        for size, extension, content in parts
    ]
    zeros, extension, fields = last
    return b"".join(lines) + f"{zeros}{extension}\r\n{fields}\r\n".encode("latin-1")


def mutated(data: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    """The body with bytes inserted, deleted, replaced or doubled."""
    for kind, place, fault in changes:
        at = place % (len(data) + 1)
        before, behind = data[:at], data[at:]
        data = {
            "i": before + fault + behind,
            "d": before + behind[len(fault) :],
            "r": before + fault + behind[len(fault) :],
            "t": before + behind[:5] + behind,
        }[kind]
    return data


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


def compare(data: bytes, cuts: list[int]) -> str:
    """Fail if the two readers differ; return the verdict."""
    expected = read_chunked(data, MOST)
    if expected.kind in ("broken", "too large"):
        assert read(data + FORCED, cuts)[0] == expected.kind
    else:
        assert read(data, cuts) == (expected.kind, expected.content, expected.used)
    return expected.kind


def test_ten_thousand_bodies_are_read_as_the_reference_reads_them() -> None:
    verdicts: Counter[str] = Counter()

    @settings(derandomize=True, deadline=None, max_examples=MESSAGES // FORMS)
    @given(st.lists(chunks, max_size=5), lasts, mutations, flaws, st.lists(st.integers(0, 400), max_size=5))
    def differ(parts, last, changes, flaw, cuts):  # type: ignore[no-untyped-def]
        data = written(parts, last)
        forms = (
            data + BEHIND,
            mutated(data, changes) + BEHIND,
            written(parts, (last[0], flaw, last[2])) + BEHIND,
            data[: changes[0][1] % len(data)],
        )
        assert len(forms) == FORMS
        for form in forms:
            verdicts[compare(form, cuts)] += 1

    differ()
    assert sum(verdicts.values()) >= MESSAGES
    assert all(verdicts[kind] > MESSAGES // 50 for kind in ("whole", "broken", "too large", "unfinished")), verdicts


@pytest.mark.parametrize("data", [b"5;a=b;c\r\nhello\r\n00;d\r\nA: b\r\n\r\n", b'1;a="\\\x80"\r\nx\r\n0\r\n\r\n'])
def test_each_byte_of_a_body_may_be_any_other_at_every_cut(data: bytes) -> None:
    for at in range(len(data)):
        for byte in range(256):
            compare(data[:at] + bytes([byte]) + data[at + 1 :], [at, at + 1])
            compare(data[:at] + bytes([byte]) + data[at:], [at + 1])
