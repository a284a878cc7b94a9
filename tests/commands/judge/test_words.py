import pytest

from httptee.commands.judge.words import read_words
from httptee.errors import ConfigError


def test_what_is_the_judge_s_own_and_what_is_of_the_tee():
    asked = read_words(
        [
            "--from",
            "redis://h/t",
            "-config",
            "f.ini",
            "--name=one",
            "-verdict.reset",
            "-b",
            "http://b",
            "--evidence",
            "d",
        ]
    )
    assert asked.values == {"from": "redis://h/t", "name": "one", "evidence": "d"}
    assert asked.options == ["--config=f.ini", "-verdict.reset", "--b=http://b"]


def test_the_address_is_that_of_the_command_line_or_of_the_file():
    assert read_words(["--from", "redis://h/t"]).address("redis://other/t") == "redis://h/t"
    assert read_words([]).address("redis://other/t") == "redis://other/t"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "missing"),
        ("/var/lib", "expected redis://HOST/TOPIC"),
        ("redis://host", "--from: "),
        ("redis://u:secret@host/t", "HTTPTEE_ENGINE_PASSWORD"),
    ],
)
def test_an_address_that_is_none_is_refused(address, said):
    with pytest.raises(ConfigError) as raised:
        read_words([]).address(address)
    assert said in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "words", [["word"], ["-"], ["--unknown"], ["--from"], ["--name", "a/b"], ["--forget", ""], ["-b"]]
)
def test_a_word_that_is_not_known_is_refused(words):
    with pytest.raises(ConfigError):
        read_words(words)
