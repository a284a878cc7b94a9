import math
import threading

import pytest

from httptee.http.message import Exchange, Request
from httptee.shadow.order import Order
from tests.support.net import eventually


def clone(number, connection=1):
    request = Request("PUT", f"/{number}", [], b"", "192.0.2.1", "http")
    return Exchange(request, 200, 0.01, connection=connection)


def ordered(stream_timeout=1.0):
    sent = []
    return Order(sent.append, stream_timeout), sent


def test_a_clone_waits_until_the_one_before_it_on_its_connection_has_ended():
    order, sent = ordered()
    first, second, third = clone(1), clone(2), clone(3)
    for one in (first, second, third):
        order.take(one)
    assert (sent, order.waiting) == ([first], 2)
    order.ended(first)
    assert (sent, order.waiting) == ([first, second], 1)
    order.ended(second)
    order.ended(third)
    assert (sent, order.waiting) == ([first, second, third], 0)
    assert not order._lanes


def test_other_connections_do_not_wait():
    order, sent = ordered()
    clones = [clone(number, number) for number in range(1, 9)]
    for one in clones:
        order.take(one)
    assert sent == clones


def test_without_a_number_the_address_and_the_port_of_the_client_are_its_connection():
    order, sent = ordered()
    request = Request("PUT", "/", [], b"", "192.0.2.1", "http")
    one, same, other = (Exchange(request, 200, 0.0, port=port) for port in ("7", "7", "8"))
    for each in (one, same, other):
        order.take(each)
    assert sent == [one, other]


def test_the_end_of_a_clone_that_is_not_out_sends_nothing():
    order, sent = ordered()
    first, second = clone(1), clone(2)
    order.take(first)
    order.take(second)
    order.ended(second)
    order.ended(clone(3, 2))
    assert (sent, order.waiting) == ([first], 1)


@pytest.mark.parametrize(("stream_timeout", "goes_on"), [(5.0, False), (math.inf, True)])
def test_an_answer_that_may_stream_for_ever_ends_the_wait_with_its_head(stream_timeout, goes_on):
    order, sent = ordered(stream_timeout)
    first, second = clone(1), clone(2)
    order.take(first)
    order.take(second)
    order.answered(first)
    assert sent == ([first, second] if goes_on else [first])
    order.ended(first)
    assert sent == [first, second]


def test_what_waits_can_be_taken_out_of_one_connection_or_of_all():
    order, _ = ordered()
    clones = [clone(number, number % 2 + 1) for number in range(8)]
    for one in clones:
        order.take(one)
    assert order.waiting_behind(clones[0]) == clones[2::2]
    assert order.waiting == 3
    assert order.all_waiting(spared=clones[5]) == [clones[3], clones[7]]
    assert order.waiting == 1


def test_clones_that_end_as_soon_as_they_are_sent_need_no_deep_stack():
    done = []

    def send(exchange):
        if exchange is not first:
            done.append(exchange)
            order.ended(exchange)

    order = Order(send, 1.0)
    first, *rest = (clone(number) for number in range(20_000))
    order.take(first)
    for one in rest:
        order.take(one)
    order.ended(first)
    assert done == rest


def test_many_threads_never_send_two_clones_of_a_connection_at_once():
    out, wrong, ended = {}, [], []
    arrived = threading.Semaphore(0)
    waiting = []

    def send(exchange):
        if out.setdefault(exchange.connection, exchange) is not exchange:
            wrong.append(exchange)
        waiting.append(exchange)
        arrived.release()

    order = Order(send, 1.0)

    def settle():
        while arrived.acquire(timeout=5) and (exchange := waiting.pop(0)) is not None:
            del out[exchange.connection]
            ended.append(exchange)
            order.ended(exchange)

    threads = [threading.Thread(target=settle) for _ in range(4)]
    for thread in threads:
        thread.start()
    clones = [clone(number, number % 7 + 1) for number in range(2000)]
    for one in clones:
        order.take(one)
    eventually(lambda: len(ended) == len(clones))
    for _ in threads:
        waiting.append(None)
        arrived.release()
    for thread in threads:
        thread.join()
    assert not wrong
    for connection in range(1, 8):
        assert [one for one in ended if one.connection == connection] == clones[connection - 1 :: 7]
