import re

import pytest

from httptee.settings.backend import Backend
from httptee.settings.effective import differences
from httptee.settings.settings import Settings

OLD = Settings(
    b_methods=re.compile("^GET$"), b=tuple(map(Backend.parse, ("x", "http://y:1 name=next percent=10", "z mark")))
)


def with_b(*lines):
    return tuple(map(Backend.parse, lines))


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ({}, "no option changed"),
        ({"b_methods": re.compile("^GET$")}, "no option changed"),
        ({"b": OLD.b[::-1]}, "no option changed"),
        ({"via": False, "b_backlog": 7, "a_timeout": 9.0}, "options changed: a.timeout, b.chanSize, no-via"),
        ({"a_key": "/a/password"}, "options changed: a.key"),
        ({"b": with_b("x")}, "B removed: next, http://z"),
        ({"b": (*OLD.b, *with_b("x name=again", "x"))}, "B added: again, http://x#2"),
        ({"b": with_b("x", "y:2 name=next percent=10", "z mark=no")}, "B changed: next, http://z"),
        (
            {"threads": 1, "b": with_b("w set-header=Authorization:sesame", "y:1 name=next percent=11")},
            "options changed: threads; B added: http://w; B removed: http://x, http://z; B changed: next",
        ),
    ],
)
def test_a_reload_names_what_it_changes(new, said):
    fields = {name: getattr(OLD, name) for name in OLD.__slots__} | new
    assert differences(OLD, Settings(**fields)) == said
