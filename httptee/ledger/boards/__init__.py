"""Documents that one process publishes in shared memory, for those who read the ledger: what became of records that are
shipped into an engine. `Board` has one document."""

from httptee.ledger.boards.board import Board, Shipped

__all__ = ["Board", "Shipped"]
