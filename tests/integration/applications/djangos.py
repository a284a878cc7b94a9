"""Django in one file."""

import hashlib
import logging
import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path, re_path

import httptee

logging.basicConfig(level=logging.INFO)
if not settings.configured:
    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="a test", LOGGING_CONFIG=None)
    django.setup()


def raises(request):
    raise ZeroDivisionError("a bug of the application")


def answer(request):
    return HttpResponse(f"{request.method} {hashlib.sha256(request.body).hexdigest()}")


def stream(request):
    return StreamingHttpResponse(iter(["one ", "two ", "three"]))


def file(request):
    return FileResponse(open(__file__, "rb"))


urlpatterns = [
    path("raises", raises),
    path("ledger", lambda request: HttpResponse("\n".join(application.ledger.lines()))),
    path("pid", lambda request: HttpResponse(str(os.getpid()))),
    path("unread", lambda request: HttpResponse("no", status=403)),
    path("file", file),
    path("stream", stream),
    re_path("", answer),
]

application = httptee.Shadowed(get_wsgi_application())
