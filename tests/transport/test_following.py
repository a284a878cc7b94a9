import pytest

from httptee.errors import UpstreamReset
from httptee.http import Pieces, Response
from httptee.transport.stream import GONE, followed


def streaming(pieces, fails=None):
    closed = []

    def body():
        yield from pieces
        if fails:
            raise fails

    return Response(200, "OK", [("X", "y")], body(), lambda: closed.append(True)), closed


def test_a_copy_of_an_answer_is_handed_on_once_it_is_closed():
    response, closed = streaming([b"one", b"two"])
    ended = []
    answer = followed(response, Pieces(100), lambda pieces, failure: ended.append((pieces.content, failure)))
    assert list(answer.body) == [b"one", b"two"]
    assert not ended
    answer.close()
    answer.close()
    assert ended == [(b"onetwo", "")]
    assert closed
    assert (answer.status, answer.headers) == (200, [("X", "y")])


def test_an_answer_that_breaks_off_is_handed_on_with_the_reason():
    response, _ = streaming([b"one"], UpstreamReset("x"))
    ended = []
    answer = followed(response, Pieces(100), lambda pieces, failure: ended.append((pieces.content, failure)))
    with pytest.raises(UpstreamReset):
        list(answer.body)
    answer.close()
    assert ended == [(b"one", "reset")]


def test_an_answer_whose_client_has_gone_is_handed_on_as_such():
    response, _ = streaming([b"one", b"two"])
    ended = []
    answer = followed(response, Pieces(100), lambda pieces, failure: ended.append((pieces.content, failure)))
    next(iter(answer.body))
    answer.close()
    assert ended == [(b"one", GONE)]
