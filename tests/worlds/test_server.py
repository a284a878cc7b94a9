"""A world over HTTP, and the command line that serves it."""

import http.client
import json
import threading

import pytest

from tests.worlds import SHOP, World
from tests.worlds.__main__ import main
from tests.worlds.server import WorldServer, shared_hits


@pytest.fixture
def ask():
    """Asks a server of the shop and gives back the status, the fields and the body."""
    servers = []

    def asked(target, side="a", noises=(), method="GET", body=None):
        server = WorldServer(World(1, [], noises, SHOP), side, latencies=False)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request(method, target, body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers, content

    yield asked
    for server in servers:
        server.shutdown()
        server.server_close()


def test_it_answers_a_route(ask):
    status, headers, body = ask("/users/7")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert int(headers["Content-Length"]) == len(body)
    assert json.loads(body)["id"] == 7


def test_b_answers_in_chunks_where_the_encoding_differs(ask):
    _, headers, body = ask("/report/3", side="b", noises=["encoding"])
    assert (headers["Transfer-Encoding"], headers["Content-Length"]) == ("chunked", None)
    assert body.endswith(b"</html>\n")


def test_a_body_of_a_request_is_read(ask):
    status, headers, _ = ask("/login", method="POST", body="user=joe&password=pass-joe")
    assert (status, headers["Location"]) == (302, "/session")


def test_an_unknown_path_is_404(ask):
    assert ask("/nothing")[0] == 404


def test_two_counters_of_one_file_count_together(tmp_path):
    one, other = shared_hits(tmp_path / "hits"), shared_hits(tmp_path / "hits")
    assert [one(), other(), other(), one()] == [1, 2, 3, 4]


def test_an_unknown_switch_is_named(capsys):
    assert main(["--defects", "price,nonsense"]) == 2
    assert "unknown defects nonsense" in capsys.readouterr().err
