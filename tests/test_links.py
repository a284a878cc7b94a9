"""Each link of a document leads to a file of the tree and to a heading there, on the package's own page too."""

import re
import runpy
import unicodedata

import pytest
import setuptools

from tests.support.house import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(text):
    """The anchors of a page's headings, as forges make them: lower case, dashes for spaces, no other marks."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), flags=re.M)
    kept = (
        "".join(c for c in heading.lower() if c in " -_" or unicodedata.category(c)[0] in "LN") for heading in headings
    )
    return {heading.replace(" ", "-") for heading in kept}


def unresolved(page, text, base=""):
    """The links of a text that lead nowhere; `base` stands for the top of the tree."""
    for link in LINK.findall(text):
        place, _, anchor = link.partition("#")
        if base and place.startswith(base):
            target = ROOT / place.removeprefix(base)
        elif re.match(r"\w+:", link):
            continue
        else:
            target = (page.parent / place) if place else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_of_a_page_leads_somewhere(page):
    assert not list(unresolved(page, page.read_text(encoding="utf-8")))


def test_each_link_of_the_page_of_the_package_is_absolute_and_leads_into_the_tree(monkeypatch):
    given = {}
    monkeypatch.setattr(setuptools, "setup", lambda **words: given.update(words))
    runpy.run_path(str(ROOT / "setup.py"))
    base = re.search(r"^\s+Source = (\S+)$", (ROOT / "setup.cfg").read_text(), re.M)[1] + "/blob/main/"
    text = given["long_description"]
    links = [link for link in LINK.findall(text) if not link.startswith("#")]
    assert f"{base}docs/install.md" in links
    assert all(link.startswith("https://") for link in links)
    assert not list(unresolved(ROOT / "README.md", text, base))


def test_a_link_that_leads_nowhere_is_noticed():
    page = ROOT / "README.md"
    assert list(unresolved(page, "[a](docs/nothing.md) [b](docs/install.md#no-heading) [c](docs/install.md)")) == [
        "docs/nothing.md",
        "docs/install.md#no-heading",
    ]


def test_the_readme_leads_to_every_page():
    linked = set(LINK.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    assert [page.name for page in PAGES if page.parent.name == "docs" and f"docs/{page.name}" not in linked] == []
