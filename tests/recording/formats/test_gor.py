import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee.recording import Kept
from httptee.recording.formats import gor as module
from httptee.recording.formats.gor import GorReader, GorWriter
from tests.recording.formats.made import MONKEYS, NOW, answered, asked, exchange, gor, payload

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def read(data):
    reader = GorReader(io.BytesIO(data))
    return list(reader), dict(reader.losses)


def written(exchanges):
    file = io.BytesIO()
    writer = GorWriter(file)
    for one in exchanges:
        writer.write(one)
    writer.close()
    return file.getvalue()


def again(data):
    return written(sorted(read(data)[0], key=lambda one: one.arrived))


def test_a_request_and_its_answer_are_one_exchange():
    data = gor(
        payload(1, "a1", NOW, asked("/x?y", b"\x00\xff", "POST", "X-A: 1\r\nx-a: 2\r\n"), 7),
        payload(2, "a1", NOW + 500, answered(b"\x01\x02", "201 Made"), 300),
    )
    (one,), losses = read(data)
    assert (one.method, one.target, one.body.data) == ("POST", "/x?y", b"\x00\xff")
    assert one.headers == (("Host", "shop"), ("X-A", "1"), ("x-a", "2"), ("Content-Length", "2"))
    assert (one.status, one.reason, one.answer_body.data) == (201, "Made", b"\x01\x02")
    assert (one.arrived, one.first_byte, one.ended) == (NOW, 500, 800)
    assert not losses


FILES = {
    "binary bodies": gor(
        payload(1, "a", NOW, asked("/", bytes(range(256)), "PUT")),
        payload(2, "a", NOW + 1, answered(bytes(range(256)))),
    ),
    "no last separator": gor(payload(1, "a", NOW, asked()), payload(2, "a", NOW + 1, answered()), last=False),
    "half of the last separator": gor(payload(1, "a", NOW, asked(body=b"x")), last=False) + MONKEYS[:6],
    "answers before requests": gor(
        payload(2, "a", NOW + 5, answered()),
        payload(2, "b", NOW + 9, answered(b"b")),
        payload(1, "b", NOW + 2, asked("/b")),
        payload(1, "a", NOW + 1, asked("/a")),
    ),
    "interleaved": gor(
        payload(1, "a", NOW + 5, asked("/a")),
        payload(1, "b", NOW, asked("/b")),
        payload(2, "b", NOW + 9, answered(b"b")),
        payload(2, "a", NOW + 3, answered(b"a")),
    ),
    "a separator inside bodies": gor(
        payload(1, "a", NOW, asked(body=b"x" + MONKEYS + b"y")), payload(2, "a", NOW, answered(MONKEYS * 3))
    ),
    "a payload inside a body": gor(
        payload(1, "a", NOW, asked(body=b"x" + MONKEYS + payload(1, "b", NOW, asked("/b")) + MONKEYS)),
        payload(2, "a", NOW, answered()),
    ),
    "a separator inside a chunk": gor(
        payload(1, "a", NOW, asked()),
        payload(2, "a", NOW, CHUNKED + b"16\r\n" + b"ab" + MONKEYS + b"1 b 1\n\r\n3\r\nxyz\r\n0\r\n\r\n"),
    ),
    "chunks with capitals, extensions and trailers": gor(
        payload(1, "a", NOW, asked()), payload(2, "a", NOW, CHUNKED + b"0A;x=1\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n")
    ),
    "old files without a latency": gor(payload(1, "a", NOW, asked(), None), payload(2, "a", NOW, answered(), None)),
    "a latency below zero": gor(payload(1, "a", NOW, asked(), -5), payload(2, "a", NOW, answered(), -1)),
    "replayed answers": gor(
        payload(1, "a", NOW, asked()),
        payload(3, "a", NOW + 9, answered(b"3", "500 No"), 4),
        payload(2, "a", NOW, answered()),
    ),
    "a request without an answer": gor(
        payload(1, "a", NOW, asked()), payload(1, "b", NOW, asked()), payload(2, "b", NOW, answered())
    ),
    "the answer to HEAD": gor(
        payload(1, "a", NOW, asked(method="HEAD")),
        payload(2, "a", NOW, b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"),
        payload(1, "b", NOW, asked()),
    ),
    "a body that was cut off": gor(
        payload(1, "a", NOW, b"POST / HTTP/1.1\r\nContent-Length: 999\r\n\r\nabc"),
        payload(2, "a", NOW, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"),
    ),
    "chunks that were cut off": gor(
        payload(1, "a", NOW, asked()), payload(2, "a", NOW, CHUNKED + b"ff\r\nabc"), payload(1, "b", NOW, asked())
    ),
    "odd heads": gor(
        payload(1, "a", NOW, b"GET  /a b HTTP/1.0\nX : 1\n folded\n\n"),
        payload(2, "a", NOW, b"HTTP/1.0 200\r\nA:b\r\n\r\nto the end"),
    ),
    "bodies that end in line feeds": gor(
        payload(1, "a", NOW, asked(body=b"x\n\n")), payload(2, "a", NOW, b"HTTP/1.1 200 OK\r\n\r\nx\n")
    ),
    "identifiers that come twice": gor(
        payload(1, "a", NOW, asked("/1")),
        payload(2, "a", NOW, answered(b"1")),
        payload(1, "a", NOW + 1, asked("/2")),
        payload(2, "a", NOW + 1, answered(b"2")),
    ),
    "stamps that are equal": gor(*(payload(1, f"{n:x}", NOW, asked(f"/{n}")) for n in range(50))),
    "nothing": b"",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_goes_in_and_out_byte_for_byte(name):
    assert again(FILES[name]) == FILES[name]


bodies = st.binary(max_size=60) | st.lists(st.sampled_from([MONKEYS, b"1 a 1\n", b"x", b"\r\n\r\n", b"\n"])).map(
    b"".join
)


@st.composite
def files(draw):
    parts = []
    for number in range(draw(st.integers(0, 6))):
        stamp = NOW + draw(st.integers(0, 100))
        chunks = draw(st.lists(bodies.filter(bool), max_size=3))
        framed = CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in chunks) + b"0\r\n\r\n"
        answer = draw(st.sampled_from([framed, answered(draw(bodies))]))
        parts.append(payload(1, f"{number:x}", stamp, asked("/", draw(bodies), "POST"), draw(st.integers(0, 9))))
        if draw(st.booleans()):
            parts.append(payload(2, f"{number:x}", stamp + draw(st.integers(-9, 9)), answer))
        if draw(st.booleans()):
            parts.append(payload(3, f"{number:x}", stamp, answer))
    return gor(*draw(st.permutations(parts)), last=draw(st.booleans())) if parts else b""


@settings(max_examples=300, deadline=None)
@given(files())
def test_any_well_formed_file_goes_in_and_out_byte_for_byte(data):
    exchanges, losses = read(data)
    assert written(sorted(exchanges, key=lambda one: one.arrived)) == data
    assert set(losses) <= set()


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300)
    | files()
    .flatmap(lambda data: st.tuples(st.just(data), st.integers(0, len(data)), st.binary(max_size=9)))
    .map(lambda made: made[0][: made[1]] + made[2] + made[0][made[1] :])
)
def test_any_bytes_are_read_without_an_error(data):
    exchanges, _ = read(data)
    read(written(exchanges))


def test_what_belongs_to_no_payload_is_skipped_and_counted():
    good = [payload(1, f"{n}", NOW + n, asked(f"/{n}", b"x")) for n in range(3)]
    data = gor(good[0], b"junk" * 5, good[1], b"9 not a type 1\nx", good[2])
    exchanges, losses = read(data)
    assert [one.target for one in exchanges] == ["/0", "/1", "/2"]
    assert losses == {"bytes that belong to no payload": 20 + 16 + 2 * len(MONKEYS)}


def test_what_is_no_http_and_answers_of_unknown_requests_are_counted():
    data = gor(payload(1, "a", NOW, b"\x00\x01"), payload(2, "b", NOW, answered()), payload(1, "c", NOW, asked()))
    exchanges, losses = read(data)
    assert len(exchanges) == 1
    assert losses == {"payloads that are no HTTP": 1, "answers without a request": 1}


def test_the_window_is_bounded_and_the_order_within_it_exact(monkeypatch):
    monkeypatch.setattr(module, "_MOST", 5)
    stamps = [9, 8, 7, 6, 5, 14, 13, 12, 11, 10]
    data = gor(*(payload(1, f"{n:x}", NOW + n, asked(f"/{n}")) for n in stamps))
    assert [one.arrived - NOW for one in read(data)[0]] == sorted(stamps)


def test_a_recorded_exchange_gets_an_identifier_and_a_length():
    one = exchange(3, "POST", "/x", body=b"abc", answer_headers=(), answer_body=b"hello")
    assert written([one]) == gor(
        payload(
            1,
            "000000000000000300000001",
            one.arrived,
            b"POST /x HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\n\r\nabc",
        ),
        payload(
            2,
            "000000000000000300000001",
            one.arrived + 2_000_000,
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            1_000_000,
        ),
    )


def test_recorded_exchanges_stand_in_the_order_of_their_stamps():
    slow = exchange(1, target="/slow", first_byte=5_000_000, ended=6_000_000)
    data = written([slow, exchange(2, target="/quick"), exchange(9, target="/late")])
    stamps = [int(line.split()[2]) for line in data.splitlines() if line[:2] in (b"1 ", b"2 ")]
    assert len(stamps) == 6
    assert stamps == sorted(stamps)


def test_an_exchange_that_was_changed_is_written_as_it_is_now():
    data = gor(payload(1, "a", NOW, b"GET /a HTTP/1.1\nCookie: secret\n\n"), payload(2, "a", NOW, answered()))
    (one,), _ = read(data)
    changed = written([replace(one, headers=(("Cookie", "x"),))])
    assert b"secret" not in changed
    assert b"GET /a HTTP/1.1\r\nCookie: x\r\n\r\n" in changed


def test_bodies_that_were_too_long_are_told():
    file = io.BytesIO()
    writer = GorWriter(file)
    long = Kept(b"", 9, b"d" * 32)
    writer.write(replace(exchange(), body=long))
    writer.write(replace(exchange(), answer_body=long))
    writer.close()
    assert list(writer.losses.values()) == [1, 1]
    assert file.getvalue().count(MONKEYS) == 2


def test_a_damaged_origin_counts_as_none():
    for origin in ("x", "[]", '{"gor":1}', '{"gor":{"id":"a","parts":[{}]}}'):
        assert written([exchange(origin=origin)]) == written([exchange()])
