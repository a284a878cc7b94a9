"""The tee inside an application: WSGI and ASGI middleware for which the application is A. Others use `Shadowed` and
`ShadowedAsgi`."""

from httptee.middleware.asgi import ShadowedAsgi
from httptee.middleware.wsgi import Shadowed

__all__ = ["Shadowed", "ShadowedAsgi"]
