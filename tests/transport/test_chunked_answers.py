"""Ten thousand chunked answers, valid and mutated, are what a plain reader of the grammar makes of them."""

from __future__ import annotations

import random
from collections import Counter

from httptee.errors import UpstreamProtocolError, UpstreamReset
from httptee.transport.wire import Answer
from tests.support.reference import BrokenError, ChunkedBody, UnfinishedError

from .answers import OK

HEAD = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MUTANTS = 19  # of each message
TOKENS = ["a", "name", "0", "x-Y", "!#$%&'*+-.^_`|~"]
BEHIND = [b"", b"", b"\r\n", b"\0", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"]
SPECIAL = [*b'\r\n\t ;:="\\-+_0159aAfFgGxX\x00\x0b\x7f\x80\xa0\xff']

WHITE_SPACE = ["", "", "", " ", "\t", " \t "]
QUOTED = ['""', '"a b"', '"\\""', '"\\\\"', '"; 0"', '"\t\xe9\\\xff"', '"=,;:"']
ZEROS = ["", "", "03", "017", "040"]
CONTENTS = [b"a", b"\r\n", b"0\r\n\r\n", b"5\r\nab", b"\r", b"x" * 15, b"x" * 16, b"y" * 300]
LAST = [b"0", b"0", b"000", b"0" * 30]
TRAILERS = [b"A: b\r\n", b"Content-Length: 5\r\n", b"x:\r\n", b"0:  \xe9\t\r\n", b"Transfer-Encoding: chunked\r\n"]


def extensions(chance: random.Random) -> bytes:
    """Up to two chunk extensions, with and without a value."""
    written = ""
    for _ in range(chance.randint(0, 2)):
        written += chance.choice(WHITE_SPACE) + ";" + chance.choice(WHITE_SPACE) + chance.choice(TOKENS)
        if chance.random() < 0.5:
            value = chance.choice(chance.choice([TOKENS, QUOTED]))
            written += chance.choice(WHITE_SPACE) + "=" + chance.choice(WHITE_SPACE) + value
    return written.encode("latin-1")


def message(chance: random.Random) -> bytes:
    """A chunked body of up to four chunks, with trailers."""
    written = b""
    for _ in range(chance.randint(0, 4)):
        content = chance.choice([*CONTENTS, chance.randbytes(chance.randint(1, 20))])
        size = f"{len(content):{chance.choice(ZEROS)}{chance.choice('xX')}}".encode()
        written += size + extensions(chance) + b"\r\n" + content + b"\r\n"
    trailers = b"".join(chance.choice(TRAILERS) for _ in range(chance.randint(0, 2)))
    return written + chance.choice(LAST) + extensions(chance) + b"\r\n" + trailers + b"\r\n"


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
    for seed in range(10_200 // (1 + MUTANTS)):
        chance = random.Random(seed)
        whole, behind = message(chance), chance.choice(BEHIND)
        assert of_the_reference(whole)[1] is True
        for data in [whole, *(mutated(whole, chance) for _ in range(MUTANTS))]:
            if not data:
                continue
            cut = pieces(data + behind, chance)
            expected, got = of_the_reference(data + behind), of_the_tee(cut)
            assert got == expected or (expected == "either" and got in ("broken", "unfinished")), cut
            verdicts[expected if isinstance(expected, str) else f"whole, {expected[1]}"] += 1
    assert verdicts.total() >= 10_000
    assert min(verdicts[kind] for kind in ("broken", "unfinished", "whole, True", "whole, False")) > 500, verdicts
