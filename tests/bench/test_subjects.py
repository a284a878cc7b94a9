"""The choice of subjects, and peers."""

from __future__ import annotations

import pytest

from bench.errors import BenchError, NotStartedError
from bench.programs.subjects import choose, peer


def test_a_peer_takes_part_beside_the_chosen_subjects() -> None:
    names = [subject.name for subject in choose(None, ["go=tee -l {listen} -a {a} -b {b}"], ["direct", "httptee"])]
    assert names == ["direct", "httptee", "go"]


def test_a_peer_without_a_place_to_listen_is_refused() -> None:
    with pytest.raises(BenchError, match="listen"):
        peer("go=tee -a {a}")


def test_a_peers_command_is_filled_in_word_by_word() -> None:
    starter = peer("go=env X=1 tee -l {listen} -a 127.0.0.1:{a_port} -b {b}").starter
    assert starter is not None
    argv = starter(None, 80, 81, 82).argv  # type: ignore[arg-type]
    assert argv == ["env", "X=1", "tee", "-l", "127.0.0.1:80", "-a", "127.0.0.1:81", "-b", "http://127.0.0.1:82"]
    with pytest.raises(NotStartedError):
        starter(None, 80, 81, None)  # type: ignore[arg-type]
