"""The outcome of every clone and every request: counters in memory that all processes share. Worker processes count in
an `Account` and a `WorkerAccount`; `Ledger` adds them up."""

from httptee.ledger.accounts import Account, WorkerAccount
from httptee.ledger.columns import (
    BOUNDS,
    CIRCUIT_WORDS,
    DROP_REASONS,
    FAILURE_REASONS,
    IS_OPEN,
    OUTAGE_WORDS,
    TUNNEL_ENDS,
    ShadowLine,
)
from httptee.ledger.control import COMMANDS, RESULTS, Control, Orders
from httptee.ledger.guard import COUNTING, Faults, GuardedAccount
from httptee.ledger.ledger import Ledger
from httptee.ledger.outliving import forget, left_behind
from httptee.ledger.places import Places
from httptee.ledger.recording import RECORD_REASONS, RecordAccount, RecordLedger, RecordStatement
from httptee.ledger.ring import Batch, Ring
from httptee.ledger.shared import shared_numbers
from httptee.ledger.spooled import ADOPTED, SLOTS, TAKEN, SpoolWords
from httptee.ledger.spools import SpoolDesk, Spooled
from httptee.ledger.statements import (
    Latency,
    PrimaryStatement,
    Statement,
    TunnelStatement,
    Worker,
    distinct,
    mean_share,
)

__all__ = [
    "ADOPTED",
    "BOUNDS",
    "CIRCUIT_WORDS",
    "COMMANDS",
    "COUNTING",
    "DROP_REASONS",
    "FAILURE_REASONS",
    "IS_OPEN",
    "OUTAGE_WORDS",
    "RECORD_REASONS",
    "RESULTS",
    "SLOTS",
    "TAKEN",
    "TUNNEL_ENDS",
    "Account",
    "Batch",
    "Control",
    "Faults",
    "GuardedAccount",
    "Latency",
    "Ledger",
    "Orders",
    "Places",
    "PrimaryStatement",
    "RecordAccount",
    "RecordLedger",
    "RecordStatement",
    "Ring",
    "ShadowLine",
    "SpoolDesk",
    "SpoolWords",
    "Spooled",
    "Statement",
    "TunnelStatement",
    "Worker",
    "WorkerAccount",
    "distinct",
    "forget",
    "left_behind",
    "mean_share",
    "shared_numbers",
]
