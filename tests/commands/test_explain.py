import pytest

from httptee.commands.cli import main

OPTIONS = ["-a", "a:8080", "-no-via"]


def explained(capsys, *words):
    status = main(["explain", *words])
    output = capsys.readouterr()
    assert output.err == ""
    return status, output.out


def test_without_a_b_a_gets_it(capsys):
    assert explained(capsys, *OPTIONS, "GET /a?b") == (
        0,
        "A http://a:8080 gets it\n"
        r"  > GET /a?b HTTP/1.1\r\n" + "\n"
        r"  > Host: localhost:8888\r\n" + "\n"
        r"  > \r\n" + "\n",
    )


def test_options_are_taken_in_every_form_and_place(capsys):
    words = ["-debug", "/x", "-b=b name=n percent=0", "--b", "c methods=GET", "-close-connections=false", *OPTIONS]
    _, output = explained(capsys, *words)
    assert "B n http://b does not get it\n  sampled_out by percent=0\n" in output
    assert "B http://c gets it\n  passes methods=GET\n" in output


def test_a_body_makes_a_post_with_its_length(capsys):
    _, output = explained(capsys, *OPTIONS, "/x", "-d", "sé\n\\", "-H", "X-Y: ü")
    assert r"  > POST /x HTTP/1.1\r\n" in output
    assert r"  > X-Y: \xc3\xbc\r\n" in output
    assert r"  > Content-Length: 5\r\n" in output
    assert output.endswith("  > s\\xc3\\xa9\\n\n  > \\\\\n")


def test_a_body_that_stays_in_a_file_has_the_same_rules_and_is_shown_to_every_server_that_gets_it(capsys):
    body = "x" * 1_100_000
    _, output = explained(
        capsys, *OPTIONS, "/x", "-d", body, "-b", "b max-body=1100000", "-b", "c", "-b", "d max-body=1099999"
    )
    assert "B http://b gets it\n  passes max-body=1100000\n" in output
    assert "B http://c does not get it\n  too_large by max-body=1048576\n" in output
    assert "B http://d does not get it\n  too_large by max-body=1099999\n" in output
    assert output.count(f"  > {body}\n") == 2


def test_what_depends_is_said_to(capsys):
    _, output = explained(capsys, *OPTIONS, "-b", "b percent=10 rate=5/s", "/x")
    assert "B http://b may get it\n  depends on percent=10: 10 of 100 such requests\n" in output
    assert "  depends on rate=5/s: if the rate allows\n" in output


def test_the_environment_and_the_file_count(capsys, monkeypatch, tmp_path):
    (tmp_path / "h.ini").write_text("b = c mark\n", encoding="utf-8")
    monkeypatch.setenv("HTTPTEE_A", "http://a:1")
    _, output = explained(capsys, "--config", str(tmp_path / "h.ini"), "/x")
    assert output.startswith("A http://a:1 gets it\n")
    assert r"  > X-Shadow: 1\r\n" in output


def test_what_a_b_gets_of_a_request_is_shown_as_it_is_sent_and_what_a_decides_is_open(capsys):
    line = "http://b:2 only-status=2xx body=false idempotent host=stage.{host}"
    status, output = explained(capsys, "-a", "a:1", "-b", line, "-no-via", "POST /x", "-H", "Host: shop", "-d", "abc")
    assert status == 0
    to_a, to_b = output.split("B http://b:2 ")
    assert to_a.endswith("  > Content-Length: 3\\r\\n\n  > \\r\\n\n  > abc\n")
    verdict, *lines = to_b.splitlines()
    assert (verdict, lines[0]) == ("may get it", "  depends on only-status=2xx: if A answers so")
    assert [line.removeprefix("  > ") for line in lines[2:5]] == [
        "POST /x HTTP/1.1\\r\\n",
        "Host: stage.shop\\r\\n",
        "Content-Length: 0\\r\\n",
    ]
    assert lines[5].startswith('  > Idempotency-Key: "')
    assert lines[6:] == ["  > \\r\\n"]


def test_the_client_is_whom_a_trusted_proxy_names(capsys):
    words = ["-a", "a:1", "-b", "http://b:2 set-header=X-Client:{client}", "-trusted-proxies", "10.0.0.0/8"]
    asked = ["--client", "10.0.0.1", "-H", "X-Forwarded-For: 6.6.6.6, 203.0.113.9", "GET /"]
    _, output = explained(capsys, *words, *asked)
    assert "  > X-Client: 203.0.113.9\\r\\n" in output


@pytest.mark.parametrize(
    ("request_line", "refusal"),
    [
        ("CONNECT a:443", "501 connect_not_supported"),
        ("GET x", "400 bad_request"),
        ("GET *", "400 bad_request"),
        ("OPTIONS /", "200 max_forwards"),
    ],
)
def test_a_request_that_the_tee_answers_itself_goes_to_nobody(capsys, request_line, refusal):
    status, output = explained(capsys, *OPTIONS, request_line, "-H", "Max-Forwards: 0")
    assert status == 0
    assert output.startswith(f"no server gets it: the tee answers {refusal}: ")
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "httptee: a request is missing; usage: httptee explain"),
        (["/a", "/b"], "httptee: only one request is allowed, and '/b' is a second one"),
        (["/a", "-H"], "httptee: -H: needs a value"),
        (["/a", "-H", "x"], "httptee: -H: must be Name: value: 'x'"),
        (["/a", "-H", "x: a\r\nb: c"], "httptee: -H: must be Name: value"),
        (["/a", "-bogus"], "httptee: unknown option '-bogus'"),
        (["/a", "-b", "x percnt=1"], "httptee: -b: B http://x: unknown field 'percnt'; did you mean percent?"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_2(capsys, words, complaint):
    try:
        status = main(["explain", *words])
    except SystemExit as stopped:
        status = stopped.code
    output = capsys.readouterr()
    assert status == 2
    assert output.out == ""
    assert output.err.startswith(complaint)
    assert output.err.count("\n") == 1
