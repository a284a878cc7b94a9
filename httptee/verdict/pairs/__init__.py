"""The worker's side of the verdict: chooses which answers are compared, keeps A's, compares B's with them, counts the
result in shared memory, and sends unequal pairs to the judge."""

from httptee.verdict.pairs.choosing import Chooser
from httptee.verdict.pairs.folding import Folding, folded
from httptee.verdict.pairs.keeping import Comparer, Keeper, KeptPrimary
from httptee.verdict.pairs.tallies import Tallies

__all__ = ["Chooser", "Comparer", "Folding", "Keeper", "KeptPrimary", "Tallies", "folded"]
