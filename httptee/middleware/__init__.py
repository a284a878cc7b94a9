"""The tee in another server: as a WSGI application in front of a server A, and inside an application, as WSGI and ASGI
middleware for which the application is A. Others use `create_app`, `Shadowed` and `ShadowedAsgi`."""

from httptee.middleware.asgi import ShadowedAsgi
from httptee.middleware.mount import create_app
from httptee.middleware.wsgi import Shadowed

__all__ = ["Shadowed", "ShadowedAsgi", "create_app"]
