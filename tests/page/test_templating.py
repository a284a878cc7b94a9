import re
import subprocess
import sys

import pytest
from jinja2 import UndefinedError

from httptee.page.templating import HERE, _environment, prepare, rendered

TEMPLATES = sorted((HERE / "templates").glob("*.html"))


def test_text_is_escaped():
    assert "&lt;script&gt;" in rendered("missing.html", why="<script>")


def test_a_value_that_is_not_given_is_an_error():
    with pytest.raises(UndefinedError):
        rendered("missing.html")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_script_or_style_or_anything_from_elsewhere(template):
    source = template.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://|<script>", source)
    assert re.findall(r"\w+\|safe", source) == [] or template.name == "page.html"


def test_the_template_engine_is_imported_with_the_first_page_only():
    code = "import sys, httptee.processes, httptee.page; print('jinja2' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_prepared_templates_are_not_compiled_again(monkeypatch):
    prepare()
    monkeypatch.setattr(type(_environment()), "compile", lambda *words: pytest.fail("compiled again"))
    assert "gone" in rendered("missing.html", why="gone")
