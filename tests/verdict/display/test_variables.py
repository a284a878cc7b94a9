import pytest

from httptee.verdict.display.variables import filled, pieces, variables


@pytest.mark.parametrize(
    ("name", "variable"),
    [("Authorization", "AUTHORIZATION"), ("X-Api-Key", "X_API_KEY"), ("user[password]", "USER_PASSWORD"), ("7z", "_7Z"),
     ("", "SECRET"), ("é", "SECRET"), ("a$(reboot)", "A_REBOOT")],
)  # fmt: skip
def test_a_name_becomes_a_variable_of_the_shell(name, variable):
    assert variables({"***1": name}) == {"***1": variable}


def test_every_credential_has_a_variable_of_its_own():
    found = variables({"***1": "sid", "***2": "sid", "***3": "SID", "***4": "sid_2", "***5": "x"})
    assert len(set(found.values())) == 5
    assert (found["***1"], found["***2"]) == ("SID", "SID_2")


def test_only_known_placeholders_are_replaced():
    known = {"***1": "SID", "***12": "KEY"}
    assert pieces("a***1b***12***7", known) == [
        ("a", False),
        ("SID", True),
        ("b", False),
        ("KEY", True),
        ("***7", False),
    ]
    assert filled("sid=***1; x=***3", known) == "sid=$SID; x=***3"
    assert pieces("", known) == []
