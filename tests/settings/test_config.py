from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import httptee
from httptee.errors import ConfigError
from httptee.http.endpoint import Endpoint, Listen
from httptee.settings.backend import Backend
from httptee.settings.config import load, load_or_exit
from httptee.settings.option_texts import help_text, ini_text
from httptee.settings.options import BY_NAME, OPTIONS
from httptee.settings.settings import Settings

CHECKED_IN = Path(__file__).parents[2] / "etc" / "httptee.ini"


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    return tmp_path / "httptee.ini"


def from_file(ini: Path, text: str) -> Settings:
    ini.write_text(text, encoding="utf-8")
    return load(["--config", str(ini)], {})


def from_line(line: str) -> Settings:
    return load(line.split(), {})


def with_b(*lines: str) -> tuple[Backend, ...]:
    return tuple(Backend.parse(line) for line in lines)


# The table


def test_settings_defaults_are_those_of_the_table() -> None:
    assert load([], {}) == Settings()


def test_every_setting_is_an_option_and_every_option_a_setting() -> None:
    assert {option.setting for option in OPTIONS} == {field.name for field in dataclasses.fields(Settings)}


def test_no_two_options_share_a_name_or_a_variable() -> None:
    assert len(BY_NAME) == sum(1 + len(option.aliases) for option in OPTIONS)
    assert len({option.environment for option in OPTIONS} | {"HTTPTEE_CONFIG"}) == len(OPTIONS) + 1
    assert not {"config", "h", "help", "version"} & set(BY_NAME)


def test_checked_in_file_is_written_from_the_table() -> None:
    assert CHECKED_IN.read_text(encoding="utf-8") == ini_text()


def test_checked_in_file_changes_nothing() -> None:
    assert load(["--config", str(CHECKED_IN)], {}) == Settings()


def test_every_line_of_the_checked_in_file_can_be_uncommented(ini: Path) -> None:
    text = re.sub(r"^#(?=\S+ =)", "", ini_text(), flags=re.MULTILINE)
    assert text.count("\n#") < text.count(" =") * 4
    assert all(f"\n{option.name} =" in text for option in OPTIONS)
    assert from_file(ini, text) == Settings()


def test_help_names_every_option_and_variable() -> None:
    text = help_text()
    for option in OPTIONS:
        assert all(re.search(rf"-{re.escape(name)}\b", text) for name in (option.name, *option.aliases))
        assert option.environment in text


# Command lines written for the Go tees


def test_plain_command_line_of_the_original() -> None:
    settings = from_line("-l :8888 -a localhost:9000 -b localhost:9001 -b.percent 10")
    assert settings == Settings(
        listen=Listen("", 8888), a=Endpoint.parse("localhost:9000"), b=with_b("localhost:9001"), b_percent=10.0
    )


def test_full_command_line_of_teeproxy() -> None:
    settings = from_line(
        "-l :8888 -a http://localhost:9000 -b https://localhost:9001 -b localhost:9002/test -p 10 -a.timeout=2000 "
        "-b.timeout 900 -a.rewrite -b.rewrite=true -forward-client-ip -close-connections=false -debug -b.methods ^GET$"
    )
    assert settings == Settings(
        a=Endpoint("http", "localhost", 9000),
        a_rewrite=True,
        a_timeout=2.0,
        b=with_b("https://localhost:9001", "http://localhost:9002/test"),
        b_percent=10.0,
        b_rewrite=True,
        b_timeout=0.9,
        b_methods=re.compile("^GET$"),
        forward_client_ip=True,
        debug=True,
    )


def test_full_command_line_of_the_source_of_the_original() -> None:
    settings = from_line("-a a -b b -b.chanSize 5 -b.workers 0 -max.workers 7 -max.queue=9 -key.file= -cert.file=")
    assert settings == Settings(a=Endpoint("http", "a", 80), b=with_b("b"), b_workers=7, b_backlog=9)


@pytest.mark.parametrize("word", ["-max.workers=0", "--max.workers=auto", "-b.workers=0", "--b.workers=auto"])
def test_workers_of_zero_run_as_the_default(word: str) -> None:
    assert load([word], {}).b_workers == 16 * len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("value", "expected"), [("auto", None), ("0", None), ("3", 3)])
def test_processes_are_counted(value: str, expected: int | None) -> None:
    assert load(["--processes", value], {}).processes == (expected or len(os.sched_getaffinity(0)))


@pytest.mark.parametrize(
    "words",
    [["-a.timeout", "7"], ["--a.timeout", "7"], ["-a.timeout=7"], ["--a.timeout=7"], ["-a.timeout=9", "-a.timeout=7"]],
)
def test_one_dash_or_two_and_equals_or_not(words: list[str]) -> None:
    assert load(words, {}) == Settings(a_timeout=0.007)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_takes_its_default_in_every_form(option: httptee.settings.options.Option) -> None:
    if option.repeatable:
        return
    for name in (option.name, *option.aliases):
        assert load([f"-{name}={option.default}"], {}) == Settings()
        assert load([f"--{name}={option.default}"], {}) == Settings()
        if not option.boolean:
            assert load([f"-{name}", option.default], {}) == Settings()
    assert load([], {option.environment: option.default}) == Settings()


def test_files_are_compressed_only_where_the_library_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert from_line("-record.compress=zstd").record_compress == "zstd"
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert from_line("-record.compress=off").record_compress == "off"
    with pytest.raises(ConfigError, match=r"record\.compress.*the extra zstd"):
        from_line("-record.compress=zstd")
    with pytest.raises(ConfigError, match=r"record\.compress"):
        from_line("-record.compress=gzip")


@pytest.mark.parametrize("value", ["1", "t", "T", "true", "TRUE", "True"])
def test_what_go_takes_for_true_is_true(value: str) -> None:
    assert load([f"-debug={value}"], {}).debug
    assert not load([f"-no-via={value}"], {}).via


@pytest.mark.parametrize("value", ["0", "f", "F", "false", "FALSE", "False"])
def test_what_go_takes_for_false_is_false(value: str) -> None:
    assert not load([f"-debug={value}"], {}).debug
    assert load([f"-no-via={value}"], {}).via


def test_bare_booleans_are_true() -> None:
    settings = load(["-a.rewrite", "--debug", "--no-pin", "--no-via"], {})
    assert settings == Settings(a_rewrite=True, debug=True, pin=False, via=False)


def test_a_value_may_start_with_a_dash() -> None:
    assert load(["-b.methods=-x"], {}).b_methods == re.compile("-x")
    assert load(["-b.methods", "--debug"], {}) == Settings(b_methods=re.compile("--debug"))


def test_a_value_may_hold_spaces_and_equals_signs_and_brackets() -> None:
    assert load(["-b.methods=(?x) G = E"], {}).b_methods == re.compile("(?x) G = E")
    assert load(["-b.methods", "[GP]"], {"HTTPTEE_B_METHODS": "x"}).b_methods == re.compile("[GP]")
    assert load([], {"HTTPTEE_B_METHODS": "[GP]"}).b_methods == re.compile("[GP]")


def test_two_dashes_end_the_options() -> None:
    assert load(["-debug", "--"], {}) == Settings(debug=True)


def test_every_number_lands_in_its_unit() -> None:
    settings = from_line(
        "--threads 3 --a.idle-timeout 1500 --b.max-body 10 --drain-timeout 250 --max-request-body 0 "
        "--connection-limit 9 --b.chanSize 0 --b.percent .5"
    )
    assert settings == Settings(
        threads=3,
        a_idle_timeout=1.5,
        b_max_body=10,
        drain_timeout=0.25,
        max_request_body=0,
        connection_limit=9,
        b_backlog=0,
        b_percent=0.5,
    )


def test_the_same_b_may_come_twice_and_be_a() -> None:
    settings = load(["-a", "x", "-b", "x", "-b", "x"], {})
    assert [backend.endpoint for backend in settings.b] == [settings.a, settings.a]


# Who beats whom


def test_environment_beats_file(ini: Path) -> None:
    ini.write_text("a.timeout = 1\nb = x\nb = y\ndebug = true\nno-via = true\n", encoding="utf-8")
    environ = {
        "HTTPTEE_CONFIG": str(ini),
        "HTTPTEE_A_TIMEOUT": "2",
        "HTTPTEE_B": "z, [::1]:8",
        "HTTPTEE_DEBUG": "false",
    }
    assert load([], environ) == Settings(a_timeout=0.002, b=with_b("z", "[::1]:8"), via=False)


def test_command_line_beats_environment() -> None:
    environ = {"HTTPTEE_A_TIMEOUT": "2", "HTTPTEE_B": "z", "HTTPTEE_DEBUG": "true", "HTTPTEE_A_REWRITE": "1"}
    settings = load(["-a.timeout=3", "-b", "x", "-debug=false"], environ)
    assert settings == Settings(a_timeout=0.003, b=with_b("x"), a_rewrite=True)


def test_command_line_beats_file(ini: Path) -> None:
    ini.write_text("[httptee]\nb.percent = 1\nb = x\na = q\n", encoding="utf-8")
    settings = load(["-p", "3", "-config", str(ini), "-b=z"], {})
    assert settings == Settings(a=Endpoint("http", "q", 80), b_percent=3.0, b=with_b("z"))


def test_config_option_beats_config_variable(ini: Path) -> None:
    ini.write_text("threads = 5", encoding="utf-8")
    assert load([f"-config={ini}"], {"HTTPTEE_CONFIG": "/nowhere"}).threads == 5


def test_empty_variables_and_foreign_ones_do_not_count() -> None:
    environ = {"HTTPTEE_A": "", "HTTPTEE_B": " ", "HTTPTEE_CONFIG": "", "HTTPTEE_PORT": "tcp://10.0.0.1:80"}
    assert load([], environ) == Settings()


@pytest.mark.parametrize("text", ["x:1 y:2", "x:1,y:2", " x:1 ,\ty:2", "[x:1, y:2]", '["x:1", "y:2"]'])
def test_several_b_in_the_environment(text: str) -> None:
    assert load([], {"HTTPTEE_B": text}).b == with_b("x:1", "y:2")


def test_the_process_environment_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPTEE_THREADS", "5")
    assert load([], {}).threads == 64


# The file


@pytest.mark.parametrize(
    "text",
    [
        "b = x:1\nb = y:2",
        "b = [x:1, y:2]",
        "b = x:1, y:2",
        "b = x:1 y:2",
        "[httptee]\nb = \"x:1\"\nb = 'y:2'\n",
        "\ufeff; comment\r\n\r\n[httptee]   # section\r\n  b=x:1 ; first\r\n# b = q\r\nb = [y:2] # second\r\n",
    ],
)
def test_several_b_in_the_file(ini: Path, text: str) -> None:
    assert from_file(ini, text) == Settings(b=with_b("x:1", "y:2"))


def test_file_takes_aliases_quotes_and_signs(ini: Path) -> None:
    text = 'p = 12.5\nmax.queue="7"\nb.methods = [GP](ET|OST)=%s;#\nclose-connections = T\n'
    assert from_file(ini, text) == Settings(
        b_percent=12.5, b_backlog=7, b_methods=re.compile("[GP](ET|OST)=%s;#"), close_connections=True
    )


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("set-header='X-A: a ;b' # it's a comment", {"set-header": "X-A: a ;b"}),
        ('set-header="X-A: #1 # 2" ; "none"', {"set-header": "X-A: #1 # 2"}),
        ("'set-header=X-A: a # b' name=n ;x='", {"set-header": "X-A: a # b", "name": "n"}),
        ("path=/a#b #d", {"path": "/a#b"}),
    ],
)
def test_a_comment_begins_outside_of_quotes(ini: Path, text: str, fields: dict[str, str]) -> None:
    (backend,) = from_file(ini, f"; b = 'no\nb = x {text}\n").b
    assert dict(backend.fields) == fields


def test_an_apostrophe_that_opens_no_quotes_hides_no_comment(ini: Path) -> None:
    assert from_file(ini, "access-log = /var/o'brien # a log").access_log == "/var/o'brien"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a = x\na.timout = 5", ":2: unknown option 'a.timout'; did you mean a.timeout?"),
        ("b.chansize = 5", ":1: unknown option 'b.chansize'; did you mean b.chanSize?"),
        ("config = other.ini", ":1: unknown option 'config'"),
        ("help = true", ":1: unknown option 'help'"),
        ("\n\na.timeout = soon", ":3: a.timeout: must be a whole number of milliseconds from 1"),
        ("a.timeout =", ":1: a.timeout: must be a whole number"),
        ("p = 101", ":1: p: must be a number from 0 to 100"),
        ("a =", ":1: a: an endpoint is missing"),
        ("a = http://me:sesame@host", ":1: a: an endpoint takes no user name or password: 'http://***@host'"),
        ("debug", ":1: a line must be key = value"),
        ("http://me:sesame@host", ":1: a line must be key = value"),
        ("http://me:sesame@host/?a=b", ":1: unknown option 'http://***@host/?a'"),
        ("debug = yep", ":1: debug: must be true or false (or yes, no, on, off): 'yep'"),
        ("[other]\na = x", ":1: the only section is [httptee]"),
        ("[httptee", ":1: the only section is [httptee]"),
        ("a = x\na = y", ":2: a is given twice"),
        ("p = 1\nb.percent = 2", ":2: b.percent is given twice"),
        ("b = x\n    http://y", ":2: a line must be key = value"),
        ("a = x\x00", "visible ASCII"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_by_line(ini: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_file(ini, text)
    assert str(caught.value).startswith(str(ini))
    assert complaint in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_a_bad_value_in_the_file_is_refused_even_where_it_is_overridden(ini: Path) -> None:
    ini.write_text("threads = none", encoding="utf-8")
    with pytest.raises(ConfigError, match="threads"):
        load(["-config", str(ini), "-threads=1"], {"HTTPTEE_THREADS": "1"})


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.ini").write_bytes(b"a = \xff\xfe")
    for name in ("none.ini", "latin.ini", ".", "a\nb", "nul\x00"):
        with pytest.raises(SystemExit):
            load_or_exit(["--config", str(tmp_path / name)], {})
        with pytest.raises(ConfigError, match=re.escape(str(tmp_path))):
            load([], {"HTTPTEE_CONFIG": str(tmp_path / name)})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("10ms", 0.01), ("2.5s", 2.5), ("0.25 s", 0.25), ("1m", 60), ("2min", 120), ("1h", 3600), ("7", 0.007)],
)
def test_a_time_may_have_a_unit_wherever_it_stands(ini: Path, text: str, seconds: float) -> None:
    assert load(["-a.timeout", text], {}).a_timeout == seconds
    assert load([], {"HTTPTEE_A_TIMEOUT": text}).a_timeout == seconds
    assert from_file(ini, f"a.timeout = {text}").a_timeout == seconds
    assert load(["-b", f"x timeout={text.replace(' ', '')}"], {}).b[0].values("timeout") == [seconds]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("64MB", 2**26),
        ("64M", 2**26),
        ("1.5k", 1536),
        ("2GiB", 2**31),
        ("1t", 2**40),
        ("9B", 9),
        ("1 KiB", 1024),
        ("0", 0),
    ],
)
def test_a_size_may_have_a_unit_wherever_it_stands(ini: Path, text: str, expected: int) -> None:
    assert load(["-b.max-body", text], {}).b_max_body == expected
    assert load([], {"HTTPTEE_B_MAX_BODY": text}).b_max_body == expected
    assert from_file(ini, f"b.max-body = {text}").b_max_body == expected
    assert load(["-b", f"x max-body={text.replace(' ', '')}"], {}).b[0].values("max-body") == [expected]


@pytest.mark.parametrize(
    ("text", "on"), [("yes", True), ("on", True), ("TRUE", True), ("Yes", True), ("no", False), ("OFF", False)]
)
def test_a_switch_takes_the_words_of_other_files(ini: Path, text: str, on: bool) -> None:
    assert load([f"-debug={text}", f"-no-via={text}"], {}) == Settings(debug=on, via=not on)
    assert load([], {"HTTPTEE_DEBUG": text}).debug is on
    assert from_file(ini, f"debug = {text}").debug is on
    assert load(["-b", f"x mark={text}"], {}).b[0].values("mark") == [on]


def test_a_cutoff_may_be_off_and_a_share_have_its_sign() -> None:
    assert load(["-b.cutoff", "off", "-p", "2.5%"], {}) == Settings(b_cutoff=0.0, b_percent=2.5)


# What is refused


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("-bogus", "unknown option '-bogus'"),
        ("--a.timeou=1", "unknown option '-a.timeou'; did you mean -a.timeout?"),
        ("-b.chansize 1", "did you mean -b.chanSize?"),
        ("-a", "-a: needs a value"),
        ("-a=", "-a: an endpoint is missing"),
        ("-a -b localhost:1", "-a: the host is neither a name nor an address: '-b'"),
        ("-config", "-config: needs a value"),
        ("-config=", "-config: needs a value"),
        ("-h=1", "-h: takes no value"),
        ("-version=true", "-version: takes no value"),
        ("localhost:9000", "unexpected argument 'localhost:9000'"),
        ("-debug true", "unexpected argument 'true' (write the value of a boolean after =)"),
        ("-debug 2 1", "unexpected argument '2'"),
        ("demo", "unexpected argument 'demo' (write --demo)"),
        ("etc/httptee.ini", "unexpected argument 'etc/httptee.ini' (write --config before the name of the file)"),
        ("-debug -- -a x", "unexpected argument '-a'"),
        ("-", "unexpected argument '-'"),
        ("---a=x", "unexpected argument '---a=x'"),
        ("-=x", "unexpected argument '-=x'"),
        ("http://me:sesame@host", "unexpected argument 'http://***@host'"),
        ("-a http://me:sesame@host", "-a: an endpoint takes no user name or password: 'http://***@host'"),
        ("-debug yes", "unexpected argument 'yes' (write the value of a boolean after =)"),
        ("-debug=2", "-debug: must be true or false (or yes, no, on, off): '2'"),
        ("-debug=", "-debug: must be true or false (or yes, no, on, off): ''"),
        ("-l 8888", "-l: a listening address is :port, host:port or [IPv6]:port, or unix:/path, such as :8888: '8888'"),
        ("-p 100.1", "-p: must be a number from 0 to 100: '100.1'"),
        ("-p -1", "-p: must be a number from 0 to 100: '-1'"),
        ("-p nan", "-p: must be a number from 0 to 100: 'nan'"),
        ("-p 1e999", "-p: must be a number from 0 to 100: '1e999'"),
        ("-a.timeout 0", "-a.timeout: must be a whole number of milliseconds from 1 to 2147483647, or a time such"),
        ("-a.timeout 2500us", "or a time such as 250ms, 2.5s or 1m: '2500us'"),
        ("-a.timeout 1.5", "-a.timeout: must be a whole number of milliseconds"),
        ("-a.timeout 0.4ms", "-a.timeout: must be a whole number of milliseconds"),
        ("-a.timeout 1M", "-a.timeout: must be a whole number of milliseconds"),
        ("-a.timeout 600h", "-a.timeout: must be a whole number of milliseconds from 1 to 2147483647"),
        ("-b.timeout -5", "-b.timeout: must be a whole number"),
        ("-b.timeout 99999999999999999999999", "-b.timeout: must be a whole number"),
        ("-a.idle-timeout 0", "-a.idle-timeout: must be a whole number of milliseconds from 1"),
        ("-drain-timeout 0", "-drain-timeout: must be a whole number of milliseconds from 1"),
        ("-threads 0", "-threads: must be a whole number from 1"),
        ("-threads 1_0", "-threads: must be a whole number from 1"),
        ("-b.chanSize -1", "-b.chanSize: must be a whole number from 0"),
        ("-max.workers -1", "-max.workers: must be a whole number from 0"),
        ("-processes many", "-processes: must be a whole number from 0"),
        ("-connection-limit 0", "-connection-limit: must be a whole number from 1"),
        ("-max-request-body -1", "-max-request-body: must be a whole number of bytes from 0"),
        ("-b.max-body 1s", "or a size such as 64k or 1.5MB: '1s'"),
        ("-verdict.max-body 0", "-verdict.max-body: must be a whole number of bytes from 1 to"),
        ("-b.max-body 9999999T", "-b.max-body: must be a whole number of bytes from 0"),
        ("-b.methods (", "-b.methods: must be a regular expression"),
        ("-b.methods --", "-b.methods: -- is not a value"),
        ("-b.methods=--", "-b.methods: -- is not a value"),
        ("-b.methods a{99999999999}", "-b.methods: must be a regular expression"),
        ("-client-auth maybe", "-client-auth: must be required or optional: 'maybe'"),
        ("-client-subject-header=a:b", "-client-subject-header: must be the name of a header field: 'a:b'"),
        ("-request-id-header=a:b", "-request-id-header: must be the name of a header field: 'a:b'"),
        (
            "-request-id-header Content_Length",
            "-request-id-header: must be a header field that the tee may set",
        ),
        ("-threads x -threads 1", "-threads: must be a whole number"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_one_line_and_exit_2(
    words: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        load_or_exit(words.split(), {})
    output = capsys.readouterr()
    assert caught.value.code == 2
    assert output.out == ""
    assert output.err.startswith("httptee: ")
    assert complaint in output.err
    assert output.err.count("\n") == 1
    assert "sesame" not in output.err


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("HTTPTEE_A_TIMEOUT", "soon", "HTTPTEE_A_TIMEOUT: must be a whole number"),
        ("HTTPTEE_B", "x, http://me:sesame@y", "HTTPTEE_B: an endpoint takes no user name or password"),
        ("HTTPTEE_B", "[]", "HTTPTEE_B: contains no value"),
        ("HTTPTEE_NO_VIA", "sure", "HTTPTEE_NO_VIA: must be true or false"),
        ("HTTPTEE_A_INSECURE", "perhaps", "HTTPTEE_A_INSECURE: must be true or false (or yes, no, on, off): 'perhaps'"),
    ],
)
def test_what_is_wrong_in_the_environment_names_the_variable(name: str, value: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load([], {name: value})
    assert complaint in str(caught.value)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("HTTPTEE_A_TIMEOT", "5s", "; did you mean HTTPTEE_A_TIMEOUT?"),
        ("HTTPTEE_MAX_WORKERS", "5", "; did you mean HTTPTEE_B_WORKERS?"),
        ("HTTPTEE_PERCENT", "5", "; did you mean HTTPTEE_B_PERCENT?"),
        ("HTTPTEE_CONFIGS", "x.ini", "; did you mean HTTPTEE_CONFIG?"),
        ("HTTPTEE_PORT", "8888", None),
        ("HTTPTEE_\nX", "http://me:sesame@x", None),
    ],
)
def test_a_variable_that_is_no_option_is_named_in_a_warning(
    name: str, value: str, hint: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load_or_exit([], {name: value, "HTTPTEE_THREADS": "7", "HTTP_PROXY": "x"}) == Settings(threads=7)
    output = capsys.readouterr()
    said = f"httptee: warning: the environment variable {name!r} is no option and has no effect"
    assert output.err == said + hint + "\n" if hint else output.err.startswith(said)
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert "sesame" not in output.err


def test_what_kubernetes_sets_for_a_service_of_this_name_is_not_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    for service in ("HTTPTEE", "HTTPTEE_ADMIN"):
        address = "tcp://10.0.0.7:8888"
        environ = {f"{service}_{name}": "7" for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP")}
        environ |= {f"{service}_{name}": address for name in ("PORT", "PORT_8888_TCP", "PORT_8888_TCP_ADDR")}
        load_or_exit([], environ)
    assert capsys.readouterr().err == ""


def test_undecodable_bytes_are_refused_without_a_traceback() -> None:
    code = """
import os, sys
from httptee.settings.config import load_or_exit
for words in (sys.argv[1:3], sys.argv[3:4], sys.argv[4:5], sys.argv[5:]):
    try:
        load_or_exit(words, os.environ)
    except SystemExit as error:
        print(error.code, flush=True)
"""
    words = [b"-a", b"\xff", b"\xff", b"-\xff=1", b"-config", b"/\xff"]
    run = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, timeout=30, check=False)
    assert (run.returncode, run.stdout) == (0, b"2\n" * 4)
    lines = run.stderr.splitlines()
    assert len(lines) == 4
    assert all(line.startswith(b"httptee: ") for line in lines)


# Help and version


@pytest.mark.parametrize("words", ["-h", "--h", "-help", "--help", "-debug -h -bogus", "-config /nowhere -h"])
def test_help_is_printed_whatever_else_is_wrong(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_or_exit(words.split(), {"HTTPTEE_A": "?", "HTTPTEE_CONFIG": "/nowhere"})
    assert caught.value.code == 0
    assert capsys.readouterr().out == help_text()


@pytest.mark.parametrize("word", ["-version", "--version"])
def test_version_is_printed(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_or_exit([word], {"HTTPTEE_CONFIG": "/nowhere"})
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"httptee {httptee.__version__}\n"


def test_a_verdict_in_a_topic_is_published_by_a_process_of_its_own() -> None:
    settings = from_line("-verdict redis://host/topic -processes 1")
    assert (settings.verdict_engine, settings.alone) == ("redis://host/topic", False)
    settings = from_line("-verdict /var/lib/verdict -processes 1")
    assert (settings.verdict_engine, settings.alone) == ("", True)
    assert not from_line("-processes 2").alone


def test_the_name_of_a_tee_has_no_other_characters() -> None:
    assert from_line("-instance tee-1.example:8080").instance == "tee-1.example:8080"
    for line in ("-instance a/b", "-instance=a*", f"-instance {'x' * 129}"):
        with pytest.raises(ConfigError, match="at most 128"):
            from_line(line)


def test_a_topic_for_the_verdict_must_be_one() -> None:
    with pytest.raises(ConfigError, match="HTTPTEE_ENGINE_PASSWORD") as raised:
        from_line("-verdict redis://user:secret@host/topic")
    assert "secret" not in str(raised.value)
