from http import HTTPStatus

import pytest

from httptee.errors import MaxForwards, TeeError
from httptee.http.message import tee_answer
from httptee.http.phrases import PHRASES

NEWER_THAN_SOME_PYTHONS = {413, 414, 416, 422}


def kinds(error=TeeError):
    yield error
    for kind in error.__subclasses__():
        yield from kinds(kind)


@pytest.mark.parametrize("error", list(kinds()), ids=lambda error: error.__name__)
def test_every_error_has_the_phrase_of_its_status(error):
    answer = tee_answer(error("why"))
    assert answer.reason == PHRASES[error.status]
    if error is not MaxForwards:  # its answer has a body of its own
        assert answer.body == f"{error.status} {answer.reason}: {error.reason}\n".encode()


@pytest.mark.parametrize("status", sorted(PHRASES.keys() - NEWER_THAN_SOME_PYTHONS - {499}))
def test_a_phrase_is_the_one_that_python_has(status):
    assert PHRASES[status] == HTTPStatus(status).phrase


def test_the_phrases_that_pythons_do_not_agree_on_are_those_of_rfc_9110():
    assert {status: PHRASES[status] for status in NEWER_THAN_SOME_PYTHONS} == {
        413: "Content Too Large",
        414: "URI Too Long",
        416: "Range Not Satisfiable",
        422: "Unprocessable Content",
    }
