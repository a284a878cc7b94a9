import gzip
import json
import os
import re
import stat

import pytest

from httptee.commands.recording import run_recording
from httptee.recording import RecordingWriter, read_recording
from httptee.recording.exchange import encode
from tests.recording.formats.made import MONKEYS, NOW, answered, asked, exchange, gor, payload
from tests.recording.made import journal


def flipped(path, at):
    """Flip a bit of a byte."""
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")

    def command(*words):
        try:
            status = run_recording(words)
        except SystemExit as ended:
            status = ended.code
        out, err = capsys.readouterr()
        return status, out, err

    return command


def recorded(directory, *exchanges, **more):
    with RecordingWriter(directory, "http://a:8080", **more) as writer:
        for one in exchanges:
            writer.write(one)


FILE = gor(
    payload(1, "a1", NOW, asked("/a", b"\x00\xff" + MONKEYS, "POST")),
    payload(2, "b2", NOW + 3_000_000, answered(b"\x00b")),
    payload(1, "b2", NOW + 1_000_000, asked("/b")),
    payload(2, "a1", NOW + 2_000_000, answered(b"a", "404 Not here"), 1000),
    last=False,
)


def test_a_file_of_goreplay_goes_in_and_out_byte_for_byte(run, tmp_path):
    (tmp_path / "in.gor").write_bytes(FILE)
    status, out, err = run("convert", "in.gor", "rec")
    assert (status, out) == (0, "")
    assert err == "rec: 2 exchanges\n"
    assert run("convert", "rec", "out.gor")[0] == 0
    assert (tmp_path / "out.gor").read_bytes() == FILE


def test_the_files_of_a_goreplay_go_in_and_come_out_as_one(run, tmp_path):
    whole = gor(payload(1, "a", NOW, asked("/a")), payload(2, "a", NOW + 5, answered()))
    (tmp_path / "x_0.gor").write_bytes(whole)
    (tmp_path / "x_1.gor").write_bytes(FILE.replace(b"a1", b"c1").replace(str(NOW).encode(), str(NOW + 9).encode()))
    status, _, err = run("convert", "x_1.gor", "x_0.gor", "all.gor")
    assert (status, err.splitlines()[0]) == (0, "all.gor: 3 exchanges")
    assert (tmp_path / "all.gor").read_bytes() == whole + (tmp_path / "x_1.gor").read_bytes()


def test_a_file_of_goreplay_beside_a_recording_is_refused(run, tmp_path):
    recorded(tmp_path / "rec", exchange())
    (tmp_path / "x.gor").write_bytes(FILE)
    status, _, err = run("convert", "rec", "x.gor", "all")
    assert status == 2
    assert err.startswith("httptee: x.gor is a file of GoReplay and rec is a recording: ")
    assert not (tmp_path / "all").exists()


def test_a_compressed_file_is_read_and_written(run, tmp_path):
    (tmp_path / "in.gor.gz").write_bytes(gzip.compress(FILE))
    assert run("convert", "in.gor.gz", "rec")[0] == 0
    assert run("convert", "rec", "out.gor.gz")[0] == 0
    assert gzip.decompress((tmp_path / "out.gor.gz").read_bytes()) == FILE


def test_a_compressed_file_that_breaks_off_is_read_as_far_as_it_goes(run, tmp_path):
    many = gor(*(payload(1, f"{n:x}", NOW + n, asked(f"/{n}", os.urandom(500))) for n in range(2000)))
    (tmp_path / "in.gor.gz").write_bytes(gzip.compress(many)[:500_000])
    status, _, err = run("convert", "in.gor.gz", "rec")
    assert status == 0
    assert 500 < int(re.search(r"rec: ([\d,]+) exchanges", err)[1].replace(",", "")) < 2000
    assert "breaks off" in err
    assert run("verify", "in.gor.gz")[0] == 1


@pytest.mark.parametrize(
    ("name", "has"),
    [
        ("x.har", '"version":"1.2"'),
        ("x.json", '{"method":"GET","url":"http://shop/a?b=1","header":{"Host":["shop"]}}\n'),
        ("x.txt", "GET http://shop/a?b=1\nHost: shop\n\n"),
        ("x.sh", "curl --globoff"),
    ],
)
def test_the_form_is_that_of_the_name(run, tmp_path, name, has):
    recorded("rec", exchange())
    status, _, err = run("convert", "rec", name)
    assert status == 0
    assert has in (tmp_path / name).read_text()
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert "not kept: " in err


def test_standard_output_is_written_alone(tmp_path, monkeypatch, capfdbinary):
    monkeypatch.chdir(tmp_path)
    recorded("rec", exchange())
    assert run_recording(["convert", "rec", "-", "--as", "vegeta", "--server", "http://b:1"]) == 0
    out, err = capfdbinary.readouterr()
    assert json.loads(out)["url"] == "http://b:1/a?b=1"
    assert b"-: 1 exchanges" in err


def test_har_goes_in_and_out(run, tmp_path):
    recorded("rec", exchange(1, body=b"\xff", method="PUT"), exchange(2))
    run("convert", "rec", "a.har")
    assert run("convert", "a.har", "again")[0] == 0
    run("convert", "again", "b.har")
    assert (tmp_path / "a.har").read_bytes() == (tmp_path / "b.har").read_bytes()


def test_several_recordings_are_read_as_one(run, tmp_path):
    recorded("one", exchange(1, target="/1"), exchange(3, target="/3"))
    recorded("two", exchange(2, target="/2"))
    run("convert", "one", "two", "x.json")
    assert re.findall(r"shop(/\d)", (tmp_path / "x.json").read_text()) == ["/1", "/2", "/3"]


def test_nothing_is_left_where_writing_fails(run, tmp_path):
    (tmp_path / "x.har").write_text('{"log":{"entries":[{}]')
    before = sorted(os.listdir())
    status, _, err = run("convert", "x.har", "out.gor")
    assert (status, err) == (2, "httptee: this is no HAR\n")
    assert sorted(os.listdir()) == before


def test_what_is_there_is_not_overwritten(run, tmp_path):
    recorded("rec", exchange())
    (tmp_path / "x.gor").write_text("mine")
    status, _, err = run("convert", "rec", "x.gor")
    assert (status, err) == (2, "httptee: x.gor: it exists already\n")
    assert (tmp_path / "x.gor").read_text() == "mine"


def test_a_list_has_a_row_for_each_recording(run, tmp_path):
    recorded("rec", exchange(1), exchange(2, status=404), exchange(3, status=0), exchange(1001, status=503))
    (tmp_path / "x.gor").write_bytes(FILE)
    status, out, _ = run("ls", "rec", "x.gor")
    assert status == 0
    head, row, other = out.splitlines()
    assert head.split() == ["recording", "start", "end", "exchanges", "per", "s", "statuses", "bytes", "gaps"]
    assert row.startswith("rec        2023-11-14 22:13:20.001  2023-11-14 22:13:21.001          4    3.0  2xx=1 4xx=1")
    assert "5xx=1 none=1" in row
    assert re.search(r"x.gor .* 2 .* 2xx=1 4xx=1 +\d+ +0$", other)


def test_an_exchange_is_shown(run):
    recorded(
        "rec",
        exchange(1),
        exchange(2, "POST", "/\x1b[31m", [("Host", "shop"), ("X", "\x07")], b'{"a":[1]}', reason="Fine"),
    )
    status, out, _ = run("cat", "rec", "2")
    assert status == 0
    assert out == (
        "exchange 2  2023-11-14 22:13:20.002\n"
        "request 1 of connection 2, from 192.0.2.1\n"
        "POST /\\x1b[31m\n"
        "Host: shop\n"
        "X: \\x07\n"
        "\n"
        "{\n"
        '  "a": [\n'
        "    1\n"
        "  ]\n"
        "}\n"
        "\n"
        "200 Fine\n"
        "2 ms to the first byte, 3 ms in all\n"
        "Content-Length: 2\n"
        "\n"
        "ok\n"
    )


def test_without_a_number_all_are_shown(run):
    recorded("rec", exchange(1), exchange(2))
    assert re.findall(r"^exchange (\d)", run("cat", "rec")[1], re.M) == ["1", "2"]


def test_a_number_that_is_not_there_is_named(run):
    recorded("rec", exchange(1))
    assert run("cat", "rec", "7")[0::2] == (2, "httptee: rec: it has 1 exchanges, and no number 7\n")


def test_a_whole_recording_is_verified(run):
    recorded("rec", exchange(1))
    status, out, _ = run("verify", "rec")
    assert (status, out) == (
        0,
        "rec: whole, 1 exchanges, from 2023-11-14 22:13:20.001 to 2023-11-14 22:13:20.001\n",
    )


def test_what_is_damaged_is_named_as_intervals_of_time_and_the_rest_is_read(run, tmp_path):
    recorded("rec", *(exchange(n, target=f"/{n}", body=b"x" * 1000) for n in range(1, 101)))
    (path,) = (tmp_path / "rec").iterdir()
    found = path.read_bytes()
    for target in (b'"/20"', b'"/21"', b'"/50"'):
        flipped(path, found.index(target))
    status, out, _ = run("verify", "rec")
    assert status == 1
    assert out.startswith("rec: not whole, 97 exchanges, from 2023-11-14 22:13:20.001 to 2023-11-14 22:13:20.100\n")
    lost = [
        int(count) for count in re.findall(r"missing .*22:13:20\.\d{3}.*: (\d+) exchanges?, damaged on the disk", out)
    ]
    assert sum(lost) == 3
    assert len(lost) == len(out.splitlines()) - 1
    assert "gaps" in run("convert", "rec", "x.gor")[2]


def test_what_cannot_be_taken_from_a_file_is_named(run, tmp_path):
    (tmp_path / "x.gor").write_bytes(FILE + MONKEYS + b"junk")
    status, out, _ = run("verify", "x.gor")
    assert status == 1
    assert out.splitlines()[1] == "  4 bytes that belong to no payload"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "the following arguments are required"),
        (["list"], "invalid choice"),
        (["ls"], "the following arguments are required"),
        (["ls", "nothing"], "nothing: "),
        (["ls", "file"], "no recording"),
        (["cat", "rec", "x"], "must be a number"),
        (["cat", "rec", "0"], "must be a number"),
        (["convert", "rec"], "the following arguments are required"),
        (["convert", "rec", "x.foo"], "--as says it"),
        (["convert", "rec", "x", "--as", "foo"], "invalid choice"),
        (["convert", "rec", "-", "--as", "recording"], "not standard output"),
        (["convert", "rec", "-", "--as", "vegeta-http"], "needs a file"),
        (["convert", "file", "x.gor"], "no recording"),
        (["convert", "rec", "no/such/x.gor"], "no/such: there is no such directory"),
        (["verify", "empty"], "no recording"),
        (["redact", "rec", "new", "--pattern", "("], "no regular expression"),
    ],
)
def test_a_mistake_is_one_line_and_the_status_2(run, tmp_path, words, said):
    recorded("rec", exchange(1))
    (tmp_path / "file").write_text("some text\n")
    (tmp_path / "empty").mkdir()
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert re.fullmatch(r"httptee: [^\n]*" + re.escape(said) + r"[^\n]*\n", err)


def test_the_help_is_printed(run):
    status, out, _ = run("-h")
    assert status == 0
    assert "verify" in out
    assert "vegeta-http" in run("convert", "-h")[1]


SECRET = "c0ffee-8f3a91"
WITH_SECRETS = gor(
    payload(1, "a1", NOW, asked(f"/?token={SECRET}", fields=f"Cookie: sid={SECRET}\r\n")),
    payload(2, "a1", NOW + 1, answered(f'{{"password":"{SECRET}"}}'.encode(), fields="Content-Type: a/json\r\n")),
    payload(3, "a1", NOW + 2, answered(fields=f"Set-Cookie: sid={SECRET}\r\n")),
    payload(1, "b2", NOW + 3, f"GET / HTTP/1.1\nAuthorization : {SECRET}\n\n".encode()),
    payload(1, "c3", NOW + 4, asked("/plain")),
)


def everything(path):
    return b"".join(one.read_bytes() for one in path.rglob("*") if one.is_file())


def test_a_new_recording_holds_no_credentials(run, tmp_path):
    (tmp_path / "in.gor").write_bytes(WITH_SECRETS)
    status, _, err = run("convert", "in.gor", "rec")
    assert status == 0
    assert "secrets are replaced in 2 of them" in err
    assert SECRET.encode() not in everything(tmp_path / "rec")
    assert run("convert", "rec", "out.gor")[0] == 0
    assert SECRET.encode() not in (tmp_path / "out.gor").read_bytes()
    assert b"/plain" in (tmp_path / "out.gor").read_bytes()


def test_credentials_are_kept_where_that_is_asked_for_and_it_is_said(run, tmp_path):
    (tmp_path / "in.gor").write_bytes(WITH_SECRETS)
    _, _, err = run("convert", "in.gor", "rec", "--keep-secrets")
    assert "as they were recorded" in err
    run("convert", "rec", "out.gor")
    assert (tmp_path / "out.gor").read_bytes() == WITH_SECRETS
    assert run("redact", "rec", "clean")[0] == 0
    assert SECRET.encode() not in everything(tmp_path / "clean")


def test_further_secrets_are_replaced_by_name_and_by_pattern(run, tmp_path):
    body = b'{"iban":"DE123","note":"card 4111-1111"}'
    recorded("rec", exchange(1, "POST", "/u/4111-1111?x=1", [("X-Tenant", "acme"), ("N", "\xe9 4111-1111")], body),
             exchange(2, headers=[("X-Tenant", "acme")], answer_headers=[("Content-Encoding", "gzip")],
                      answer_body=gzip.compress(b"4111-1111 \xe9")))  # fmt: skip
    status, _, err = run(
        "redact", "rec", "new", "--secret", "IBAN", "--secret", "x-tenant", "--pattern", r"\d{4}-(\d{4})"
    )
    assert status == 0
    assert "replaced in 2 of them" in err
    one, other = read_recording(["new"])
    assert re.fullmatch(rb'\{"iban":"[0-9a-f]{5}","note":"card 4111-[0-9a-f]{4}"\}', one.body.data)
    assert re.fullmatch(r"/u/4111-[0-9a-f]{4}\?x=1", one.target)
    assert one.headers[0] == other.headers[0] != ("X-Tenant", "acme")
    assert one.headers[1][1].startswith("\xe9 4111-")
    assert other.answer_headers == (("Content-Length", "11"),)
    assert other.answer_body.data[:5] == b"4111-"
    assert b"1111-1111" not in everything(tmp_path / "new")


def test_without_the_library_a_compressed_recording_is_refused_in_one_line(run, tmp_path, monkeypatch):
    writer = journal(tmp_path / "rec", compress=True)
    writer.append([(NOW, encode(exchange(1)))])
    writer.close()
    assert run("cat", "rec")[0] == run("verify", "rec")[0] == 0
    monkeypatch.setattr("httptee.journal.segment.available", lambda: False)
    for command in ("cat", "verify"):
        status, _, err = run(command, "rec")
        assert (status, err.count("\n")) == (2, 1)
        assert "the extra zstd (the library zstandard) is needed" in err


def test_what_a_pattern_matches_is_replaced_wherever_it_stands(run, tmp_path):
    address = "192.0.2.77"
    answer = {"reason": address, "answer_headers": [("X-Client", address)], "answer_body": address.encode()}
    headers = [("X-Forwarded-For", address)]
    recorded("rec", exchange(1, address, f"/{address}", headers, address.encode(), client=address, **answer))
    assert run("redact", "rec", "new", "--pattern", r"192\.0\.2\.\d+")[0] == 0
    (one,) = read_recording(["new"])
    assert one.client == one.headers[0][1] == one.method == one.body.data.decode() != address
    assert address.encode() not in everything(tmp_path / "new")


def test_a_body_that_cannot_be_looked_into_is_not_kept(run):
    recorded("rec", exchange(1, answer_headers=[("Content-Encoding", "gzip")], answer_body=b"no gzip"))
    assert run("redact", "rec", "new", "--pattern", "x")[0] == 0
    (one,) = read_recording(["new"])
    assert (one.answer_body.data, one.answer_body.length, one.answer_body.whole) == (b"", 7, False)
