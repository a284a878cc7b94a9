"""The bytes of a body between the parser and who passes them on."""

from httptee.server.uploads.passing import PassingBody


def test_what_has_arrived_is_taken_once_and_all_of_it_is_counted():
    body = PassingBody(b"ab", lambda: None)
    body.append(b"c")
    body.append(b"", True)
    assert (body.take(), body.take(), len(body)) == (b"abc", b"", 3)
    body.append(b"d")
    assert (body.take(), len(body), body.stream().read()) == (b"d", 4, b"")


def test_its_end_is_told_once():
    told = []
    body = PassingBody(b"ab", lambda: told.append(1))
    body.close()
    body.close()
    assert (told, body.take()) == ([1], b"")
