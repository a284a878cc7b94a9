import os

import pytest

from httptee.ledger import COMMANDS, Ledger
from httptee.ledger.control import Control, Orders


def test_an_order_is_seen_in_another_process_and_outlives_it():
    orders = Orders()
    pid = os.fork()
    if not pid:
        orders.paused, orders.percent = True, 12.5
        os._exit(0)
    os.waitpid(pid, 0)
    assert (orders.paused, orders.percent) == (True, 12.5)
    assert repr(orders) == "<Orders paused, 12.5 percent>"


def test_an_order_ends_and_a_share_of_nothing_is_an_order_too():
    orders = Orders()
    assert repr(orders) == "<Orders none>"
    orders.percent = 0.0
    assert orders.percent == 0.0
    orders.percent = None
    assert orders.percent is None


def test_a_reload_keeps_the_orders_of_the_bs_that_stay_and_forgets_the_others():
    first = Ledger(["a", "b", "b"])
    first.orders[0].paused = True
    first.orders[2].percent = 20.0
    second = Ledger(["b", "b", "c"], 1, first.history)
    assert [orders.percent for orders in second.orders] == [None, 20.0, None]
    third = Ledger(["a"], 1, second.history)
    assert not third.orders[0].paused


def test_an_order_during_a_reload_holds_for_the_old_worker_processes_too():
    first = Ledger(["a"])
    second = Ledger(["a"], 1, first.history)
    second.orders[0].paused = True
    assert first.orders[0].paused
    assert second.control is first.control


def test_commands_and_reloads_are_counted_by_result():
    control = Control()
    assert control.last_reload is None
    control.count("pause", "done")
    control.reloaded(False)
    control.reloaded(True)
    assert control.commands["pause", "done"] == 1
    assert sum(control.commands.values()) == 1
    assert (control.reloads, control.last_reload[1]) == ({"done": 1, "refused": 1}, True)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_counts_of_its_own(command):
    control = Control()
    control.count(command, "refused")
    assert [key for key, count in control.commands.items() if count] == [(command, "refused")]
