import os
import re
import socket
import stat

import pytest

from httptee.server.sockets.listener import UnixListener


def connected(path):
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "socket")


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
@pytest.mark.parametrize("mask", [0, 0o077])
def test_the_file_has_its_mode_whatever_the_umask_is(path, mode, mask):
    before = os.umask(mask)
    try:
        made = UnixListener.at(path, mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == mode
    assert connected(path)
    made.close()
    made.close()
    assert not os.path.exists(path)


def test_a_file_that_a_killed_tee_has_left_is_replaced(path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    with UnixListener.at(path, 0o600):
        assert connected(path)


def test_a_second_tee_on_the_same_path_is_refused_and_the_first_goes_on(path):
    with UnixListener.at(path, 0o600):
        with pytest.raises(OSError, match="another process listens there"):
            UnixListener.at(path, 0o600)
        assert connected(path)


def test_a_file_that_is_no_socket_stays_as_it_is(path):
    with open(path, "w") as file:
        file.write("mine")
    with pytest.raises(OSError, match="it is no socket"):
        UnixListener.at(path, 0o600)
    with open(path) as file:
        assert file.read() == "mine"


def test_a_directory_that_is_not_there_is_said(tmp_path):
    with pytest.raises(OSError, match="No such file or directory"):
        UnixListener.at(str(tmp_path / "none" / "socket"), 0o600)


def test_a_file_that_is_another_ones_by_now_is_not_removed(path):
    made = UnixListener.at(path, 0o600)
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
    made.close()
    assert os.path.exists(path)


def test_a_duplicate_and_a_child_process_leave_the_file(path):
    with UnixListener.at(path, 0o600) as made:
        made.dup().close()
        child = os.fork()
        if not child:
            made.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert connected(path)


@pytest.mark.parametrize("owner", ["{user}", "{user}:{group}", ":{group}"])
def test_the_owner_may_be_given_by_number(path, owner):
    text = owner.format(user=os.getuid(), group=os.getgid())
    with UnixListener.at(path, 0o660, text):
        found = os.stat(path)
        assert (found.st_uid, found.st_gid) == (os.getuid(), os.getgid())


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")
def test_the_owner_may_be_given_by_name(path):
    with UnixListener.at(path, 0o660, "nobody:nogroup"):
        found = os.stat(path)
        assert found.st_uid
        assert found.st_gid


@pytest.mark.parametrize("owner", ["no-such-user", ":no-such-group"])
def test_an_owner_that_is_not_there_is_said_and_no_file_is_left(path, owner):
    with pytest.raises(OSError, match=re.escape(f"no such user or group: {owner}")):
        UnixListener.at(path, 0o660, owner)
    assert not os.path.exists(path)
