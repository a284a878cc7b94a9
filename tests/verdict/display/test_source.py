import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from httptee.verdict.display.source import Source
from httptee.verdict.evidence import Evidence, Unreadable
from tests.verdict.evidence.made import PRICE, pair, report


@pytest.fixture
def directory(tmp_path):
    evidence = Evidence(str(tmp_path), max_age=1e12)
    evidence.add(pair(5), [PRICE])
    evidence.publish([report("YES")])
    evidence.close()
    return str(tmp_path)


@pytest.fixture
def serve():
    """Serves one answer for every path, and says where; `asked` has the paths."""
    servers = []

    def start(status, body):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.asked = []
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", server.asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_directory_is_read(directory):
    assert Source(directory).verdict()["word"] == "YES"
    assert Source(directory).pair(5).number == 5
    assert Source(directory).pair(6) is None


@pytest.mark.parametrize("end", ["", "/", "/verdict", "/verdict/"])
def test_the_admin_listener_is_asked(serve, directory, end, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    url, asked = serve(200, json.dumps(Source(directory).verdict()).encode())
    assert Source(url + end).verdict()["word"] == "YES"
    assert asked == ["/verdict"]


def test_a_pair_is_read_from_the_directory_that_the_listener_names(serve, directory):
    url, _ = serve(200, json.dumps(Source(directory).verdict()).encode())
    assert Source(url).pair(5).number == 5


def test_a_listener_that_names_no_directory_has_no_pairs(serve):
    url, _ = serve(200, b'{"reports": []}')
    with pytest.raises(Unreadable, match="does not say where"):
        Source(url).pair(5)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b"no answers are compared: see the option -verdict\n", "404 no answers are compared"),
        (503, b"", "503"),
        (200, b"<html>", "this is not a verdict"),
        (200, b"[]", "this is not a verdict"),
        (200, b'{"a": 1}', "this is not a verdict"),
        (200, b"\xff", "this is not a verdict"),
        (200, b"[" * 100_000, "this is not a verdict"),
    ],
)
def test_another_answer_is_one_line(serve, status, body, said):
    url, _ = serve(status, body)
    with pytest.raises(Unreadable, match=said) as caught:
        Source(url).verdict()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:1", "http://", "http://nowhere.invalid", "http://a b/", "http://[::1", "https://127.0.0.1:1",
              "http://127.0.0.1:99999", "/nowhere", ""]
)  # fmt: skip
def test_a_place_that_cannot_be_read_is_one_line(place):
    with pytest.raises(Unreadable) as caught:
        Source(place).verdict()
    assert "\n" not in str(caught.value)


def test_a_listener_at_a_unix_socket_is_asked(directory, tmp_path):
    document = json.dumps(Source(directory).verdict()).encode()
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(document), document)]
    answers.append(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnone\n")
    path, asked = str(tmp_path / "admin.sock"), []

    def serve_all():
        for answer in answers:
            connection, _ = listening.accept()
            with connection:
                asked.append(connection.recv(65_536).split(b"\r\n")[0])
                connection.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        thread = threading.Thread(target=serve_all)
        thread.start()
        assert Source(f"unix:{path}").verdict()["word"] == "YES"
        with pytest.raises(Unreadable, match="404 none"):
            Source(f"unix:{path}").verdict()
        thread.join()
    assert asked == [b"GET /verdict HTTP/1.1"] * 2
    with pytest.raises(Unreadable, match="refused"):
        Source(f"unix:{path}").verdict()
