"""Builds the spool: where the worker processes put clones."""

from __future__ import annotations

import logging
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from httptee.build.part import Part
from httptee.ledger import ADOPTED, Account, Faults, GuardedAccount, Ledger
from httptee.settings import Settings, ShadowSettings, shadow_settings
from httptee.spool import (
    MOST_HELD,
    SUFFIX,
    Door,
    Outbox,
    Sheet,
    StreamName,
    directory_of,
    lane_of,
    new_run,
    orphans_of,
)
from httptee.spool.engine import look_first

logger = logging.getLogger(__name__)

_FIRST_LOOK = 1.0  # seconds at the start, within which an engine says that nothing waits there


def give_desks(settings: Settings, ledger: Ledger) -> None:
    """Give the worker processes of a ledger their places in the spools. Call it once, before they are forked."""
    spools = ledger.spools
    first = not spools.run
    spools.run = spools.run or new_run()
    spooled = {shadow.name: shadow.spool for shadow in shadow_settings(settings) if shadow.spool.wanted}
    if not spools.outbox and any(not spool.directory for spool in spooled.values()):
        spools.outbox = mkdtemp(prefix="httptee-outbox-")
    new = [name for name in spooled if name not in spools.by_name]
    for orphan in orphans_of((spool.directory, name) for name, spool in spooled.items() if spool.directory):
        logger.warning("the spool in %s belongs to no B: nothing sends what is there", orphan.path)
    places = {
        name: str(directory_of(spool.directory or f"{spools.outbox}/spool", name)) for name, spool in spooled.items()
    }
    spools.give_desks([shadow.name for shadow in shadow_settings(settings)], ledger.rows, places)
    for name, place in places.items():
        if (kept := spools.by_name[name].place) != place:
            logger.warning("B %s: another directory for its spool needs a restart: %s stays", name, kept)
    for name in new:
        words = spools.by_name[name]
        if _holds_any(Path(words.place)):
            # Closed until the drainer has counted what is there: nothing may pass it.
            words.put[ADOPTED] = 1
        if spooled[name].engine:
            # The same: what other tees have put into the engine is not known yet.
            words.remote = 1
            words.publish(engine=2)
            if first:  # nobody is served yet, so nobody waits
                look_first(spooled[name].engine, words, _FIRST_LOOK)


def build_door(
    shadow: ShadowSettings, number: int, ledger: Ledger, part: Part, account: Account, faults: Faults, outbox: Outbox
) -> Door | None:
    """Where one worker process puts the clones of one B; None if that B has no spool."""
    settings = shadow.spool
    desk = ledger.spools.desk(part.row, number)
    if not settings.wanted:
        return None
    if desk is None:
        logger.warning("B %s: this process has no spool: too many processes have one", shadow.name)
        return None
    run = ledger.spools.run
    sheet = Sheet(Path(desk.words.place), lambda: StreamName(run, desk.slot, desk.number), settings)
    return Door(
        GuardedAccount(account, faults), shadow.name, desk, settings, lane_of(settings.lane), sheet, outbox.tray()
    )


def build_outbox(settings: Settings, part: Part) -> Outbox:
    """The queues of one worker process. Starts no thread."""
    return Outbox(part.of(MOST_HELD), sum(shadow.spool.wanted for shadow in shadow_settings(settings)))


def _holds_any(directory: Path) -> bool:
    try:
        return any(directory.glob(f"*{SUFFIX}"))
    except OSError:
        return False


def end_spools(ledger: Ledger) -> None:
    """The tee ends, and has counted everything. What is left in a private outbox is kept, and said."""
    ledger.spools.end()
    outbox = ledger.spools.outbox
    if not outbox:
        return
    if left := sum(sum(words.put) - sum(words.left) for words in ledger.spools.by_name.values()):
        logger.warning("%d clones are left in %s: -outbox %s sends them", left, outbox, outbox)
    else:
        rmtree(outbox, ignore_errors=True)
