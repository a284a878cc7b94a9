"""Pairs on their way from the worker processes to the judge."""

import os
import struct
import threading
from dataclasses import replace
from io import BytesIO

import pytest

from httptee.http import FileBody, Request
from httptee.transport import request_head
from httptee.verdict.judge import channel as module
from httptee.verdict.judge.channel import LocalChannel, open_channel, size_of
from httptee.verdict.judge.repeatable import unrepeatable
from tests.verdict.judge.samples import outcome, pair


@pytest.fixture
def ends():
    sender, reader = open_channel()
    yield sender, reader
    sender.close()
    reader.close()


@pytest.fixture
def few_bytes(monkeypatch):
    """Both ends with one small buffer."""
    monkeypatch.setattr(module, "_LANES", 1)
    sender, reader = open_channel(1)
    yield sender, reader
    sender.close()
    reader.close()


def taken(reader):
    found = []
    while batch := list(reader.receive(0.0)):
        found += batch
    return found


def raw(reader, sender, data):
    """What the reader makes of a packet."""
    sender._lanes[0].send(data)
    return list(reader.receive(0.0))


def test_a_pair_arrives_as_it_was_sent(ends):
    sender, reader = ends
    sent = pair(outcome(b"\x00\xff"), outcome(None, 0, "timeout"), method="POST", body=b"\x00body")
    assert sender.send(sent)
    assert taken(reader) == [sent]
    assert reader.dropped == 0


def test_a_request_with_a_written_head_has_the_same_fields(ends):
    sender, reader = ends
    sent = pair(headers=(("Host", "a"), ("X-Empty", ""), ("X-Colon", "a: b"), ("X-Latin", "\xfc")))
    request = sent.request
    request.shared_head.append(request_head(request.method, request.target, request.headers))
    assert sender.send(sent)
    assert taken(reader) == [sent]


def test_a_pair_larger_than_a_packet_arrives_in_parts(ends):
    sender, reader = ends
    sent = pair(outcome(os.urandom(300_000)), outcome(os.urandom(200_000)))
    assert sender.send(sent)
    assert taken(reader) == [sent]


def test_several_small_buffers_serve_as_one(monkeypatch):
    monkeypatch.setattr(module, "_enlarge", lambda sending, size: None)
    sender, reader = open_channel()
    assert len(sender._lanes) > 1
    sent = pair(outcome(os.urandom(256 * 1024)), outcome(os.urandom(256 * 1024)))
    assert sender.send(sent)
    assert taken(reader) == [sent]
    sender.close()
    reader.close()


def test_parts_of_different_pairs_may_mix(ends):
    sender, reader = ends
    each = 40
    sent = [[pair(outcome(bytes([row]) * 100_000), target=f"/{row}/{n}") for n in range(each)] for row in range(4)]
    arrived = []

    def send(pairs):
        for one in pairs:
            while not sender.send(one):  # the parts of an attempt without room are dropped by the reader
                pass

    threads = [threading.Thread(target=send, args=(pairs,)) for pairs in sent]
    for thread in threads:
        thread.start()
    while len(arrived) < 4 * each:
        arrived += reader.receive(1.0)
    for thread in threads:
        thread.join()
    assert sorted(one.request.target for one in arrived) == sorted(one.request.target for row in sent for one in row)
    assert all(one.a.body == bytes([int(one.request.target[1])]) * 100_000 for one in arrived)


def test_a_full_buffer_is_no_room_and_is_never_waited_for(few_bytes):
    sender, reader = few_bytes
    fitted = 0
    while sender.send(pair()):
        fitted += 1
    assert fitted
    assert not sender.send(pair())
    assert len(taken(reader)) == fitted
    assert sender.send(pair())


def test_a_pair_of_which_a_part_finds_no_room_is_dropped(few_bytes, monkeypatch):
    sender, reader = few_bytes
    assert not sender.send(pair(outcome(bytes(1_000_000))))
    assert taken(reader) == []
    assert reader._incomplete or not reader._held
    monkeypatch.setattr(module, "_INCOMPLETE", 0)
    assert not sender.send(pair(outcome(bytes(1_000_000))))
    taken(reader)
    assert reader._held == 0
    assert sender.send(pair())
    assert taken(reader) == [pair()]


def test_what_incomplete_pairs_hold_is_bounded(ends, monkeypatch):
    sender, reader = ends
    monkeypatch.setattr(module, "_INCOMPLETE", 200_000)
    for number in range(50):
        raw(reader, sender, module._HEADER.pack(b"PAIR", 1, number, 0, 2) + bytes(50_000))
    assert reader._held <= 200_000
    assert reader.dropped == 46


def test_a_pair_of_more_than_4_mib_is_not_sent(ends):
    sender, reader = ends
    assert not sender.send(pair(outcome(bytes(4 * 1024 * 1024))))
    assert taken(reader) == []


@pytest.mark.parametrize("body", [FileBody(BytesIO(b"x"), 1), bytes(2_000_000)])
def test_of_a_request_body_in_a_file_or_a_long_one_only_the_length_arrives(ends, body):
    sender, reader = ends
    request = Request("GET", "/", [], body, "", "http")
    assert sender.send(replace(pair(), request=request))
    [arrived] = taken(reader)
    assert len(arrived.request.body) == len(body)
    assert unrepeatable(arrived.request) == "body"


@pytest.mark.parametrize(
    "packet",
    [
        b"x",
        b"nonsense" * 10,
        struct.pack("=4sIQHH", b"PAIR", 1, 1, 0, 1) + b"(",
        struct.pack("=4sIQHH", b"PAIR", 1, 1, 0, 1) + b"i\x01\x00\x00\x00",
        struct.pack("=4sIQHH", b"PAIR", 1, 1, 5, 1),
        struct.pack("=4sIQHH", b"PAIR", 1, 1, 0, 65535),
    ],
)
def test_a_corrupt_packet_is_counted(ends, packet):
    sender, reader = ends
    assert raw(reader, sender, packet) == []
    assert reader.dropped == 1
    assert sender.send(pair())
    assert taken(reader) == [pair()]


def test_a_sender_whose_other_end_is_closed_says_that_there_is_no_room(ends):
    sender, reader = ends
    reader.close()
    assert not sender.send(pair())
    sender.close()
    assert not sender.send(pair())


def test_nothing_arrives_within_the_timeout(ends):
    _, reader = ends
    assert list(reader.receive(0.01)) == []


def test_another_process_may_send(ends):
    sender, reader = ends
    child = os.fork()
    if not child:
        os._exit(0 if sender.send(pair()) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert sender.send(pair(target="/second"))
    assert [one.request.target for one in taken(reader)] == ["/users/12", "/second"]


def test_receive_returns_after_some_dozens(ends):
    sender, reader = ends
    while sender.send(pair()):
        pass
    assert len(list(reader.receive(0.0))) == module._BATCH


def test_header_fields_count_in_the_size_of_a_pair():
    long = [("Set-Cookie", "x" * 100_000)]
    answer = replace(outcome(), headers=long)
    assert size_of(pair(answer)) - size_of(pair()) > 100_000
    assert size_of(pair(b=answer)) - size_of(pair()) > 100_000
    assert size_of(pair(headers=tuple(long))) - size_of(pair()) > 100_000


def test_a_local_channel_is_bounded_in_bytes_and_in_pairs(monkeypatch):
    local = LocalChannel(room=100_000)
    large = pair(outcome(bytes(60_000)))
    assert local.send(large)
    assert not local.send(large)
    assert list(local.receive(0.0)) == [large]
    assert list(local.receive(0.0)) == []
    monkeypatch.setattr(module, "_QUEUED", 2)
    assert [local.send(pair()) for _ in range(3)] == [True, True, False]
