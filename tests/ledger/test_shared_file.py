"""The locks belong to processes, so some tests fork."""

import os

import pytest

from httptee.ledger.shared_file import SharedFile


def made(path, count=4):
    return SharedFile(str(path), count, passing=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "words"


def in_child(ask):
    """What `ask` returns in a child process: true or not."""
    child = os.fork()
    if not child:
        answer = 2
        try:
            answer = int(bool(ask()))
        finally:
            os._exit(answer)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_those_who_have_it_open_share_its_words(path):
    one, other = made(path), made(path)
    one.words[3] = 77
    assert other.words[3] == 77


def test_a_passing_file_ends_with_the_last_process_that_has_it(path):
    one, other = made(path), made(path)
    one.leave()
    assert path.exists()
    other.leave()
    assert not path.exists()


def test_one_that_killed_processes_have_left_is_replaced_by_an_empty_one(path):
    killed = made(path)
    killed.words[0] = 5
    os.close(killed._descriptor)  # as the kernel does it
    new = made(path)
    assert new.words[0] == 0
    assert killed.words[0] == 5  # what is mapped is not cut off: the process may be just ending
    assert made(path).words[0] == 0


def test_a_file_that_is_not_passing_stays_as_it_is(path):
    one = SharedFile(str(path), 4)
    one.words[0] = 5
    one.leave()
    os.close(one._descriptor)
    assert SharedFile(str(path), 4).words[0] == 5


def test_a_child_that_opens_it_again_is_present_for_itself_and_has_none_of_its_parents_locks(path):
    parent = made(path)
    assert parent.lock(1)

    def child():
        opened = parent.open_again()
        return opened and not parent.open_again() and not parent.lock(1) and parent.lock(2)

    assert in_child(child)
    assert parent.lock(2)  # that of the child ended with it

    def leaves():
        parent.open_again()
        parent.leave()
        return path.exists()

    assert in_child(leaves)


def test_a_lock_keeps_others_out_until_it_is_returned(path):
    one, other = made(path), made(path)
    assert one.lock(1)
    assert not other.lock(1)
    one.lock(1, kind=2)  # F_UNLCK
    assert other.lock(1)


def test_a_link_of_somebody_else_is_not_followed(path, tmp_path):
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        made(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_child_that_has_opened_it_again_keeps_no_lock_of_its_parent(path):
    parent, other = made(path), made(path)
    parent.lock(1)
    opened, ends = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.close(ends[1])
        parent.open_again()
        os.write(opened[1], b"x")
        os.read(ends[0], 1)
        os._exit(0)
    os.read(opened[0], 1)
    assert not other.lock(1)
    os.close(parent._descriptor)
    assert other.lock(1)
    for each in (*opened, *ends):
        os.close(each)
    os.waitpid(child, 0)
