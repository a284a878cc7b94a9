"""Ten thousand chunked answers, valid and mutated, are what a plain reader of the grammar makes of them."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from httptee.errors import UpstreamProtocolError, UpstreamReset
from httptee.transport.wire import Answer
from tests.support.reference import BrokenError, ChunkedBody, UnfinishedError

from .answers import OK

HEAD = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MUTANTS = 19  # of each message
TOKENS = ["a", "name", "0", "x-Y", "!#$%&'*+-.^_`|~"]
BEHIND = [b"", b"", b"\r\n", b"\0", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"]
SPECIAL = [*b'\r\n\t ;:="\\-+_0159aAfFgGxX\x00\x0b\x7f\x80\xa0\xff']

white_space = st.sampled_from(["", "", "", " ", "\t", " \t "])
tokens = st.sampled_from(TOKENS)
quoted = st.sampled_from(['""', '"a b"', '"\\""', '"\\\\"', '"; 0"', '"\t\xe9\\\xff"', '"=,;:"'])
sizes = st.builds(
    lambda zeros, form: f"{{:{zeros}{form}}}", st.sampled_from(["", "", "03", "017", "040"]), st.sampled_from("xX")
)
extensions = st.lists(
    st.builds(
        lambda before, after, name, value: f"{before};{after}{name}{value}",
        *(white_space, white_space, tokens),
        st.one_of(st.just(""), st.builds("{}={}{}".format, white_space, white_space, st.one_of(tokens, quoted))),
    ),
    max_size=2,
).map("".join)
contents = st.one_of(
    st.sampled_from([b"a", b"\r\n", b"0\r\n\r\n", b"5\r\nab", b"\r", b"x" * 15, b"x" * 16, b"y" * 300]),
    st.binary(min_size=1, max_size=20),
)
chunks = st.builds(
    lambda size, content, extension: (
        f"{size.format(len(content))}{extension}\r\n".encode("latin-1") + content + b"\r\n"
    ),
    *(sizes, contents, extensions),
)
trailers = st.lists(
    st.sampled_from(
        [b"A: b\r\n", b"Content-Length: 5\r\n", b"x:\r\n", b"0:  \xe9\t\r\n", b"Transfer-Encoding: chunked\r\n"]
    ),
    max_size=2,
)
last_chunks = st.builds(
    lambda zeros, extension, fields: zeros + extension.encode("latin-1") + b"\r\n" + b"".join(fields) + b"\r\n",
    *(st.sampled_from([b"0", b"0", b"000", b"0" * 30]), extensions, trailers),
)


def mutated(message: bytes, chance: random.Random) -> bytes:
    """The message with one or two faults, mostly at or beside its framing."""
    data = bytearray(message)
    for _ in range(chance.choice([1, 1, 2])):
        at = chance.randrange(len(data))
        if chance.random() < 0.5:
            at = data.find(chance.choice([b"\r", b"\n", b";", b":", b"0"]), at) % len(data)
        fault = chance.randrange(6)
        if fault == 0:
            del data[at]
        elif fault == 1:
            data[at] = chance.choice(SPECIAL)
        elif fault == 2:
            data.insert(at, chance.choice(SPECIAL))
        elif fault == 3:
            data[at:at] = chance.choice([b"\r\n", b"\n", b"\r", b"  ", b"00", b"0" * 17, b"f" * 16, data[at : at + 4]])
        elif fault == 4:
            data = data.replace(chance.choice([b":", b";", b"\r\n"]), chance.choice([b" :", b"; ", b" \r\n", b"\n"]))
        else:
            del data[at + 1 :]
        if not data:
            break
    return bytes(data)


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    """The data in one piece, in pieces of one size, or cut at a few places."""
    way = chance.randrange(4)
    if way == 0:
        return [data]
    if way == 1:
        step = chance.choice([1, 2, 3, 7])
        cuts = list(range(step, len(data), step))
    else:
        cuts = sorted(chance.randrange(len(data)) for _ in range(chance.choice([1, 2, 5])))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def of_the_tee(data: list[bytes]) -> tuple[bytes, bool] | str:
    """The body and whether the connection may be used again, or `broken` or `unfinished`."""
    answer, body = Answer("GET"), b""
    answer.feed(HEAD)
    try:
        for piece in data:
            answer.feed(piece)
            body += answer.take()
        if answer.complete:
            return body, answer.keep_alive
        answer.eof()
    except UpstreamProtocolError:
        return "broken"
    except UpstreamReset:
        return "unfinished"
    raise AssertionError("the end of the connection was taken for the end of the body")


def of_the_reference(data: bytes) -> tuple[bytes, bool] | str:
    """The same by the reference reader; `either` for a fault in a line or in trailers whose end has not come."""
    try:
        body = ChunkedBody(data)
    except BrokenError as error:
        return "broken" if error.end in data[error.position :] else "either"
    except UnfinishedError:
        return "unfinished"
    return body.content, body.size == len(data)


def test_ten_thousand_messages_are_read_as_the_grammar_says():
    verdicts: Counter[str] = Counter()

    @settings(derandomize=True, deadline=None, max_examples=510)
    @given(st.lists(chunks, max_size=4), last_chunks, st.sampled_from(BEHIND), st.integers(0, 2**32))
    def compare(some, last, behind, seed):
        chance = random.Random(seed)
        message = b"".join(some) + last
        assert of_the_reference(message)[1] is True
        for data in [message, *(mutated(message, chance) for _ in range(MUTANTS))]:
            if not data:
                continue
            cut = pieces(data + behind, chance)
            expected, got = of_the_reference(data + behind), of_the_tee(cut)
            assert got == expected or (expected == "either" and got in ("broken", "unfinished")), cut
            verdicts[expected if isinstance(expected, str) else f"whole, {expected[1]}"] += 1

    compare()
    assert verdicts.total() >= 10_000
    assert min(verdicts[kind] for kind in ("broken", "unfinished", "whole, True", "whole, False")) > 500, verdicts
