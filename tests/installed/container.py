"""The steps of the Dockerfile, in root directories of a fresh Debian, for a machine without a container runtime.

Run it by its name: `python -m pytest tests/installed/container.py`. It is no part of `.ci/run`: it needs root's rights,
debootstrap and a mirror of Debian, some minutes, and the ports of the image. What `apt-get` installs is there already:
it is only looked for.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.installed.roots import ENVIRONMENT, Root, copy, download, fresh
from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.house import ROOT
from tests.support.net import eventually
from tests.support.process import Program
from tests.support.tee import STARTED

CLIENTS, ADMIN = 8888, 8889


@dataclass
class Image:
    """What the instructions so far have made."""

    root: Root
    directory: str = "/"
    env: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    entry: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)

    def command(self, *more: str) -> list[str]:
        """What the container runs, with these arguments behind the entry point."""
        return self.root.command(f"exec {' '.join([*self.entry, *more])}", self.directory, self.user)

    @property
    def environment(self) -> dict[str, str]:
        return ENVIRONMENT | self.env


class Build:
    """Follows the instructions of a Dockerfile, one stage after the other."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stages: dict[str, Image] = {}
        self.image: Image

    def follow(self, instruction: str, words: str) -> None:
        getattr(self, instruction.lower())(words)

    def from_(self, words: str) -> None:
        _, _, name = words.partition(" AS ")
        self.image = Image(fresh(self._directory / f"stage-{len(self._stages)}"))
        self._stages[name] = self.image

    def run(self, words: str) -> None:
        image = self.image
        if "apt-get" in words:
            [packages] = re.findall(r"--no-install-recommends ([^&]*)", words)
            image.root.run(f"dpkg --status {packages}", "/")
            return
        download(image.root / "wheels")
        image.root.run(words, image.directory, image.user, **image.env)

    def workdir(self, words: str) -> None:
        (self.image.root / words).mkdir()
        self.image.directory = words

    def copy(self, words: str) -> None:
        if found := re.fullmatch(r"--from=(\S+) (\S+) (\S+)", words):
            source = self._stages[found[1]].root / found[2]
            subprocess.run(["cp", "-a", str(source), str(self.image.root / found[3])], check=True)
            return
        assert words == ". ."
        allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
        copy(allowed, self.image.root / self.image.directory)

    def env(self, words: str) -> None:
        for name, value in re.findall(r"(\w+)=(\S+)", words):
            self.image.env[name] = value.replace("$PATH", ENVIRONMENT["PATH"])

    def user(self, words: str) -> None:
        self.image.user = words

    def entrypoint(self, words: str) -> None:
        self.image.entry = json.loads(words)

    def healthcheck(self, words: str) -> None:
        self.image.check = json.loads(words.partition(" CMD ")[2])

    def expose(self, words: str) -> None:
        assert words.split() == [str(CLIENTS), str(ADMIN)]

    def stopsignal(self, words: str) -> None:
        assert words == "SIGTERM"


def instructions() -> Iterator[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
    for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines():
        if line:
            instruction, _, words = line.partition(" ")
            yield {"FROM": "from_"}.get(instruction, instruction), words


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    build = Build(tmp_path_factory.mktemp("image"))
    for instruction, words in instructions():
        build.follow(instruction, words)
    return build.image


def owners(pid: int) -> set[str]:
    """The users that own a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = (Path(f"/proc/{each}/status").read_text() for each in (pid, *children))
    return {user for status in found for user in re.findall(r"^Uid:\s(.*)", status, re.M)[0].split()}


def test_the_image_tees_a_request_is_healthy_and_ends_when_it_is_stopped(image: Image) -> None:
    with Backend() as a, Backend() as b:
        with Program(image.command("-a", a.url, "-b", b.url, "-processes", "2"), env=image.environment) as tee:
            tee.wait_for_line(STARTED)
            eventually(lambda: ask(ADMIN, target="/readyz").status == 200, "readiness")
            assert ask(CLIENTS, target="/teed").status == 200
            eventually(lambda: [request.target for request in b.requests] == ["/teed"], "the clone at B")
            check = [json.dumps(word) for word in image.check]
            image.root.run(" ".join(check), image.directory, image.user, **image.env)
            assert owners(tee.pid) == {"10001"}
            assert "drained in" in tee.stop()
        with pytest.raises(AssertionError):  # nobody listens: not healthy
            image.root.run(" ".join(check), image.directory, image.user, **image.env)


def test_an_option_of_the_image_can_be_wrong_and_is_said_in_one_line(image: Image) -> None:
    done = subprocess.run(
        image.command("-a", "nonsense://"), env=image.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
