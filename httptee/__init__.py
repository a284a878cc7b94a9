"""A reverse proxy that answers from server A and sends a clone of every request to test servers B."""

from __future__ import annotations

from typing import TYPE_CHECKING

from httptee.version import __version__

if TYPE_CHECKING:
    from httptee.app import Tee
    from httptee.settings import Settings

__all__ = ["__version__", "create_app"]


def create_app(settings: Settings) -> Tee:
    """The tee as a WSGI application for another server; see `httptee.build.create_app`."""
    from httptee import build  # imported here, so that `import httptee` loads no other room

    return build.create_app(settings)
