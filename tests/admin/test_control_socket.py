import os
import socket
import stat

import pytest

from httptee.admin.control_socket import ControlError, ControlSocket


def connected(path):
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "control")


def test_only_the_user_of_the_tee_may_use_it_whatever_the_umask_is(path):
    before = os.umask(0)
    try:
        made = ControlSocket(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert connected(path)
    made.remove()
    made.remove()
    assert not os.path.exists(path)


def test_a_file_that_a_killed_tee_has_left_is_replaced(path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    made = ControlSocket(path)
    assert connected(path)
    made.remove()


def test_a_second_tee_on_the_same_path_is_refused_and_the_first_goes_on(path):
    first = ControlSocket(path)
    with pytest.raises(ControlError, match=r"cannot make .*control \(-control\): another tee listens there"):
        ControlSocket(path)
    assert connected(path)
    first.remove()


def test_a_file_that_is_no_socket_stays_as_it_is(path):
    with open(path, "w") as file:
        file.write("mine")
    with pytest.raises(ControlError, match="it is no socket"):
        ControlSocket(path)
    with open(path) as file:
        assert file.read() == "mine"


def test_a_directory_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ControlError, match=r"cannot make .* \(-control\): No such file or directory"):
        ControlSocket(str(tmp_path / "none" / "control"))


def test_a_file_that_is_another_ones_by_now_is_not_removed(path):
    made = ControlSocket(path)
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
    made.remove()
    assert os.path.exists(path)
