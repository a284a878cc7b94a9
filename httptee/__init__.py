"""A reverse proxy that answers from server A and sends a clone of every request to test servers B."""

from __future__ import annotations

from typing import TYPE_CHECKING

from httptee.version import __version__

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from httptee.middleware import Shadowed
    from httptee.settings import Settings

__all__ = ["Shadowed", "__version__", "create_app"]


def create_app(settings: Settings) -> WSGIApplication:
    """The tee as a WSGI application for another server; see `httptee.middleware.create_app`."""
    from httptee import middleware  # imported here, so that `import httptee` loads no other room

    return middleware.create_app(settings)


def __getattr__(name: str) -> object:
    """`Shadowed`, the WSGI middleware: loaded when it is used, so that `import httptee` loads no other room."""
    if name != "Shadowed":
        raise AttributeError(f"module 'httptee' has no attribute {name!r}")
    from httptee.middleware import Shadowed

    return Shadowed
