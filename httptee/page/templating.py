"""The templates. Jinja2 is imported by `prepare` or with the first page that is opened: most tees never need it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from httptee.page import bar, figures, verdict, view
from httptee.verdict.display import harmless, percent, seconds
from httptee.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent


def rendered(template: str, **values: Any) -> str:
    """A template with these values. Everything is escaped, but for what was escaped before."""
    return _environment().get_template(template).render(values)


def prepare() -> None:
    """Compile all templates, so that the first page need not wait for it: half a second."""
    environment = _environment()
    for name in environment.list_templates(extensions=("html",)):
        environment.get_template(name)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": figures.count,
        "duration": figures.duration,
        "harmless": harmless,
        "percent": percent,
        "seconds": seconds,
        "shown": figures.shown,
        "stamp": figures.stamp,
        "weight": verdict.weight_of,
    }
    environment.globals |= {
        "FIRST": verdict.FIRST,
        "bar": bar.bar,
        "link_to": verdict.link_to,
        "state_of_b": view.state_of_b,
        "state_of_tee": view.state_of_tee,
        "version": __version__,
        "zone": figures.zone,
    }
    return environment
