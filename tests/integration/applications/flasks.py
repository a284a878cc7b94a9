"""Flask, with the three lines of docs/mounting.md."""

import hashlib
import logging
import os

from flask import Flask, request, send_file

import httptee

logging.basicConfig(level=logging.INFO)
application = Flask(__name__)
application.wsgi_app = shadowed = httptee.Shadowed(application.wsgi_app)


@application.route("/raises")
def raises():
    raise ZeroDivisionError("a bug of the application")


@application.route("/ledger")
def ledger():
    return "\n".join(shadowed.ledger.lines())


@application.route("/pid")
def pid():
    return str(os.getpid())


@application.route("/unread", methods=["POST"])
def unread():
    return "no", 403


@application.route("/file")
def file():
    return send_file(__file__, mimetype="text/plain")


@application.route("/stream")
def stream():
    return iter(["one ", "two ", "three"])


@application.route("/<path:path>", methods=["GET", "POST", "PUT"])
def answer(path):
    return f"{request.method} {hashlib.sha256(request.get_data()).hexdigest()}"
