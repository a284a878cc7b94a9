import sys

import pytest

from httptee.http.endpoint import Endpoint
from httptee.http.message import Exchange, Request, WrittenRequest
from httptee.selection.changes import Changes
from httptee.selection.hosts import Host
from httptee.shadow.budget import held_by
from httptee.shadow.waiting import LONGEST, MOST_FIELDS, hold, hold_as_bytes
from httptee.transport.adapter import WireAdapter
from httptee.transport.upstream import Upstream


def exchange(target="/", fields=(("Host", "h"),)):
    made = Exchange(Request("GET", target, list(fields), b"", "192.0.2.1", "http"), 200, 0.01)
    made.size = held_by(made)
    return made


def test_a_waiting_clone_keeps_its_head_as_bytes():
    waiting, fields = (
        exchange("/a", [("Host", "h"), ("x", ""), ("X", " a: b")]),
        [("Host", "h"), ("x", ""), ("X", " a: b")],
    )
    request = waiting.request
    hold_as_bytes(waiting)
    written = waiting.request
    assert isinstance(written, WrittenRequest)
    assert written.shared_head == [b"GET /a HTTP/1.1\r\nHost: h\r\nx: \r\nX:  a: b\r\n\r\n"]
    assert written.headers == fields
    assert (written.method, written.target, written.body, written.number) == ("GET", "/a", b"", request.number)
    assert (written.client, written.scheme) == ("192.0.2.1", "http")


def test_a_b_that_changes_its_clones_gets_the_same_from_one_that_waited():
    changes = Changes(mark=True, removed=frozenset({"x"}), host=Host.parse("lab"))
    waiting = exchange("/a", [("Host", "h"), ("X", "1"), ("Y", "2")])
    changed = changes(waiting.request)
    hold_as_bytes(waiting)
    assert changes(waiting.request) == changed
    upstream = Upstream(Endpoint.parse("http://b/p"), WireAdapter(), rewrite_host=True, close=True)
    assert upstream.prepare(waiting.request).head() == (
        b"GET /p/a HTTP/1.1\r\nHost: b\r\nX: 1\r\nY: 2\r\nConnection: close\r\n\r\n"
    )


def test_a_head_that_a_has_got_already_is_shared():
    waiting, head = exchange(), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    waiting.request.shared_head.append(head)
    hold_as_bytes(waiting)
    hold_as_bytes(waiting)
    assert waiting.request.shared_head[0] is head


def test_a_head_that_cannot_be_written_stays_as_it_is():
    waiting = exchange("/a b")
    request = waiting.request
    hold_as_bytes(waiting)
    assert waiting.request is request


@pytest.mark.parametrize(
    ("fields", "as_bytes"),
    [
        ([("a", "b")] * MOST_FIELDS, False),
        ([("a", "b")] * (MOST_FIELDS + 1), True),
        ([("a", "b" * (LONGEST // 2))], False),
        ([("a", "b" * LONGEST)], True),
    ],
)
def test_a_clone_that_is_sent_at_once_keeps_its_fields_if_they_are_few_and_short(fields, as_bytes):
    sent = exchange(fields=fields)
    hold(sent)
    assert isinstance(sent.request, WrittenRequest) is as_bytes


def test_the_bytes_of_many_fields_are_a_small_part_of_their_list():
    fields = [(f"n{number}", f"v{number}") for number in range(5000)]
    waiting = exchange(fields=fields)
    hold(waiting)
    listed = sys.getsizeof(fields) + sum(sys.getsizeof(one) for pair in fields for one in (pair, *pair))
    assert sys.getsizeof(waiting.request.shared_head[0]) * 10 < listed
