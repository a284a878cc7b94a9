"""The page in a real browser, Debian's chromium: what it shows, asks for and complains about.

Pictures are kept in the directory that HTTPTEE_TEST_PICTURES names, otherwise in a temporary one.
"""

from __future__ import annotations

import http.client
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.browser import PHONE, Browser, browser
from tests.support.client import RawClient, ask
from tests.support.net import eventually, free_port, refusing_port
from tests.support.scripts import response
from tests.support.tee import Tee
from tests.support.verdicts import findings
from tests.support.wire import Request

pytestmark = pytest.mark.integration

PLANTED = "<script>window.planted=1</script><img src=http://127.0.0.1:9/x onerror='window.planted=1'>\x00\x1b[2J\u202e"
MOVING = ("uptime", "age", "oldest", "rates", "recent", "workers", "verdict", "in_flight", "waiting", "processes")


def planted(more: float):
    """Answers whose every part is hostile to a page, with a price that is higher by `more`."""

    def application(request: Request) -> bytes:
        price = f"{int(re.findall('[0-9]+', request.target + ' 0')[0]) + more}"
        if request.target.startswith("/long"):
            return response("200 OK", ("x" * (1 << 20) + price).encode(), [("Content-Type", "text/plain")])
        body = json.dumps({"price": price, "html": PLANTED + price, PLANTED: price}).encode()
        return response("200 OK", body, [("Content-Type", "application/json"), ("X-Price", f"<b onclick=x>{price}")])

    return application


class Site:
    """A tee with a page, its A and B, and a browser."""

    def __init__(self, tee: Tee, port: int, reader: Browser, directory: Path) -> None:
        self.tee, self.port, self.reader, self.directory = tee, port, reader, directory
        self.url = f"http://127.0.0.1:{port}"

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(ask(self.port, target="/status").body)
        return found

    def traffic(self, times: int = 10) -> None:
        with RawClient(self.tee.port) as client:
            for number in range(times):
                for target in (
                    f"/items/{number}",
                    f"/<script>window.planted=1</script>?{number}",
                    "/x" if number else "/long",
                ):
                    assert client.ask(target=target).status == 200

    def found_differences(self) -> None:
        """Send traffic until the judge has found the planted differences."""

        def probe() -> bool:
            self.traffic()
            return "differs" in findings(self.directory, "canary").values()

        eventually(probe, "a difference", 60)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    port, directory = free_port(), tmp_path / "verdict"
    directory.mkdir()
    with (
        Backend(planted(0.0)) as a,
        Backend(planted(0.01)) as b,
        refusing_port() as nobody,
        Tee(
            *("-a", a.url, "-b", f"{b.url} name=canary", "-b", f"http://127.0.0.1:{nobody} name=spare percent=50"),
            *("-admin", f"127.0.0.1:{port}", "-verdict", str(directory), "-verdict.repeat", "100"),
        ) as tee,
        browser() as reader,
    ):
        yield Site(tee, port, reader, directory)


def pictures(tmp_path: Path) -> Path:
    path = Path(os.environ.get("HTTPTEE_TEST_PICTURES") or tmp_path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, f"{place}/{name}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from leaves(each, f"{place}/{number}")
    else:
        yield place[1:], value if isinstance(value, str) else "" if value is None else json.dumps(value)


def stable(found: dict[str, str]) -> dict[str, str]:
    """Without what changes from moment to moment."""
    return {place: value for place, value in found.items() if not {*MOVING} & {*place.split("/")}}


def is_up_to_date(site: Site) -> bool:
    """Whether each value of /status is on the page, and is the same unless it changes all the time."""
    shown, said = site.reader.texts(), {place: value for place, value in leaves(site.status()) if value}
    return said.keys() <= shown.keys() and all(shown[place] == value for place, value in stable(said).items())


def test_the_page_shows_what_status_says_and_follows_it(site: Site) -> None:
    site.traffic()
    site.tee.settled(30)
    site.reader.open(site.url)
    eventually(lambda: is_up_to_date(site), "the page saying what /status says")
    site.traffic()
    eventually(lambda: site.reader.texts()["a/answered"] == "60", "the new count")
    eventually(lambda: is_up_to_date(site), "the page following /status")
    assert site.reader.complaints() == []
    assert all(url.startswith(f"{site.url}/") for url in site.reader.asked())


def test_hostile_answers_are_text_and_their_evidence_is_a_click_away(site: Site, tmp_path: Path) -> None:
    site.found_differences()
    reader, kept = site.reader, pictures(tmp_path)
    reader.open(site.url)
    link = "return document.querySelector('.differences a')"
    eventually(lambda: reader.run(link), "a difference on the page")
    for name, size, dark in (("light", (1280, 900), False), ("dark", (1280, 900), True), ("phone", PHONE, False)):
        reader.looks(size, dark)
        reader.picture(kept / f"page-{name}.png")
        assert reader.run("return document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
    reader.looks()
    paths = reader.run("return [...document.querySelectorAll('.differences a')].map(e => e.getAttribute('href'))")
    assert paths
    for path in paths:
        reader.open(site.url + path)
        assert "Why it is" in reader.run("return document.body.innerText")
        assert reader.run(
            "return window.planted === undefined && !document.querySelector('img, b[onclick], body script')"
        )
        assert reader.run("return document.body.innerText.length") < 100_000
    assert reader.run("return document.querySelectorAll('mark').length")
    assert "curl --globoff" in reader.run("return document.getElementById('curl').textContent")
    reader.picture(kept / "evidence.png")
    assert reader.complaints() == []
    assert all(url.startswith(f"{site.url}/") for url in reader.asked())


def test_what_a_reader_has_opened_and_focused_stays_over_an_update(site: Site) -> None:
    reader = site.reader
    reader.open(site.url)
    reader.run("const more = document.getElementById('a-more'); more.open = true; more.firstChild.focus()")
    before = reader.texts()["a/answered"]
    site.traffic()
    eventually(lambda: reader.texts()["a/answered"] != before, "an update")
    assert reader.run("return document.getElementById('a-more').open")
    assert reader.run("return document.activeElement === document.getElementById('a-more').firstElementChild")


def test_a_tee_that_has_gone_is_said_and_the_last_figures_stay(site: Site) -> None:
    reader = site.reader
    reader.open(site.url)
    said = "return document.getElementById('updates').textContent"
    eventually(lambda: reader.run(said) == "Live", "the first update")
    site.tee.stop()
    eventually(lambda: "No answer from the tee" in reader.run(said), "a word about it")
    assert reader.texts()["a/url"]


def test_without_script_everything_is_there_once(site: Site) -> None:
    site.traffic()
    site.tee.settled(30)
    with browser(script=False) as reader:

        def is_whole() -> bool:
            reader.open(site.url)
            text = reader.chrome.page_source
            assert "Load the page again for newer figures" in text
            return all(f'data-key="{place}"' in text for place, value in leaves(site.status()) if value)

        eventually(is_whole, "a page with everything that /status says")


def test_another_name_for_this_machine_gets_nothing(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port)
    for path in ("/", "/status", "/page/live", "/verdict"):
        connection.request("GET", path, headers={"Host": "rebound.example"})
        answer = connection.getresponse()
        assert (answer.status, answer.read().count(b"\n")) == (421, 1)
        connection.close()
