"""The options that another server makes void: the list is held to what the code of a mounted tee reads."""

import ast

import pytest

from httptee.settings.config import load, load_given
from httptee.settings.effective import IGNORED, ignored
from httptee.settings.options import BY_NAME, OPTIONS
from tests.support.house import TREES, room_of

SERVERS = {"commands", "processes", "server"}
VALUES = {
    "l": ":1",
    "client-auth": "optional",
    "proxy-protocol": "unix",
    "b.spool.lane": "all",
    "b.spool.fsync": "never",
    "b.spool.ambiguous": "never",
    "b.spool.full": "newest",
    "b.check": "/ping",
    "b.rates": "redis://127.0.0.1/rates",
    **dict.fromkeys(("cert.file", "key.file", "key.password-file", "client-ca"), "x.pem"),
}


def read_outside_the_servers():
    """Every field of `settings` that a module reads which runs under another server too."""
    return {
        node.attr
        for module, tree in TREES.items()
        if room_of(module).partition(".")[0] not in SERVERS
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "settings"
    }


def test_an_option_is_ignored_exactly_where_nothing_reads_it():
    read = read_outside_the_servers()
    assert "a_timeout" in read
    unread = {option.name for option in OPTIONS if option.setting not in read}
    # -l is read for the identity in Via, and to find a loop where the tee itself listens; -control, whether a rule of a
    # B reads what was ordered. The tee is built with the limits of upgraded connections, but no request of another
    # server can be upgraded. The admin listener would show what control socket, certificate and processes there are.
    read_in_vain = {"l", "control", "upgrades", "upgrade-idle-timeout", "cert.file", "processes"}
    of_the_admin_socket = {"socket-mode", "socket-owner"}  # read with those of the listening side
    assert (unread - of_the_admin_socket) | read_in_vain == set(IGNORED)


@pytest.mark.parametrize("name", IGNORED)
def test_each_one_that_is_set_is_named(name):
    value = "true" if BY_NAME[name].boolean else VALUES.get(name, "77")
    assert ignored(load([f"-{name}={value}"], {})) == [name]


def test_one_that_is_set_to_its_default_is_named_too():
    settings, given = load_given([], {"HTTPTEE_L": ":8888", "HTTPTEE_THREADS": "64"})
    assert ignored(settings) == []
    assert ignored(settings, given) == ["l"]


def test_a_file_and_the_environment_are_both_read_for_names(tmp_path):
    ini = tmp_path / "httptee.ini"
    ini.write_text("a = prod\nno-pin = true\n")
    _, given = load_given([], {"HTTPTEE_CONFIG": str(ini), "HTTPTEE_CLIENT_TIMEOUT": "60000"})
    assert given == {"a", "no-pin", "client-timeout"}
