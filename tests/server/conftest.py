import socket
import threading

import pytest
from waitress.adjustments import Adjustments

from httptee.http.endpoint import Listen
from httptee.processes.listening import bind
from httptee.server.listener import Server


class Client:
    """A raw connection: bytes out, bytes in."""

    def __init__(self, port, connected=None):
        self.socket = connected or socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)
        return self

    def head(self):
        lines = []
        while (line := self.file.readline()) not in (b"\r\n", b""):
            lines.append(line)
        return b"".join(lines)

    def body(self, length):
        return self.file.read(length)

    def rest(self):
        return self.file.read()

    def close(self):
        self.file.close()
        self.socket.close()


class Running:
    """A server in a thread, with the application a test gives it."""

    def __init__(self, application, kind=Server, **options):
        listening = bind(Listen("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        adjustments = Adjustments(
            max_request_header_size=4000,
            max_request_body_size=10**7,
            clear_untrusted_proxy_headers=False,
            connection_limit=options.pop("connection_limit", 100),
            url_scheme="http" if kind is Server else "https",
        )
        options = {"threads": 4, "client_timeout": 10.0, "close_connections": False, **options}
        self.server = kind(application, listening, adjustments, **options)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        self.clients = []

    def connect(self):
        client = Client(self.port)
        self.clients.append(client)
        return client

    def stop(self, timeout=10.0):
        self.server.stop()
        self.thread.join()
        self.server.drain(timeout)


@pytest.fixture
def serve():
    running = []

    def start(application, **options):
        running.append(Running(application, **options))
        return running[-1]

    yield start
    for one in running:
        for client in one.clients:
            client.close()
        if one.thread.is_alive():
            one.stop()
