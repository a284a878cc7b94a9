"""ASGI middleware for which the application is A: `app = httptee.asgi.Shadowed(app, "http://candidate:9001")`."""

from httptee.middleware import ShadowedAsgi as Shadowed

__all__ = ["Shadowed"]
