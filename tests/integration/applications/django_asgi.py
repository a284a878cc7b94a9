"""Django's ASGI application, with the pages of the WSGI one."""

from django.core.asgi import get_asgi_application

import httptee.asgi
from tests.integration.applications import djangos

application = djangos.application = httptee.asgi.Shadowed(get_asgi_application())
