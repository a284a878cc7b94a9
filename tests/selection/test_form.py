import pytest

from httptee.http.message import Exchange, FileBody, Request
from httptee.selection.form import AS_IT_IS, KEY, Form


def request(method="POST", body=b"abc", headers=(("Host", "x"), ("content-length", "3"))):
    return Request(method, "/a", list(headers), body, "192.0.2.1", "https")


def test_by_default_nothing_is_changed():
    given = request()
    assert not AS_IT_IS
    assert AS_IT_IS(given) is given


def test_without_its_body_a_clone_has_its_head_with_a_length_of_zero():
    given = request()
    made = Form(body=False)(given)
    assert (made.method, made.target, made.body, made.client, made.scheme) == ("POST", "/a", b"", "192.0.2.1", "https")
    assert made.headers == [("Host", "x"), ("content-length", "0")]
    assert made.number == given.number
    assert given.body == b"abc"


def test_a_body_in_a_file_is_not_read(tmp_path):
    with (tmp_path / "body").open("wb") as file:
        assert Form(body=False)(request(body=FileBody(file, 3))).body == b""
        assert file.tell() == 0


def test_a_request_without_a_body_gets_no_length():
    assert Form(body=False)(request("GET", b"", [("Host", "x")])).headers == [("Host", "x")]


def test_a_post_without_a_key_gets_one_of_its_own():
    given = request()
    form = Form(key=True)
    made, again, other = form(given), form(given), form(request())
    assert made.headers[:-1] == given.headers
    assert made.headers[-1][0] == KEY
    assert made.headers == again.headers
    assert made.headers != other.headers
    assert made.body == b"abc"


@pytest.mark.parametrize(
    "given", [request("PUT"), request("GET", b"", []), request(headers=[("idempotency-key", "mine")])]
)
def test_other_methods_and_keys_of_clients_stay(given):
    assert Form(key=True)(given) is given


@pytest.mark.parametrize(("form", "withheld"), [(Form(body=False), ""), (Form(key=True), "unread")])
def test_a_body_that_is_not_there_is_missed_only_where_it_is_sent(form, withheld):
    exchange = Exchange(request(), 200, 0.01, connection=7, withheld="unread")
    made = form.of(exchange)
    assert (made.withheld, made.connection, len(made.request.body)) == (withheld, 7, 3 if form.body else 0)
    assert exchange.withheld == "unread"


def test_what_the_form_does_not_change_stays():
    asked = Request("POST", "/a", [], b"x", "192.0.2.1", "http", 7, ("websocket",), port="4711")
    made = Form(body=False, key=True)(asked)
    assert (made.number, made.upgrade, made.port, made.client) == (7, ("websocket",), "4711", "192.0.2.1")
