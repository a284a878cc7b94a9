"""One verdict for many tees: each tee publishes its pairs and its counts in an engine, and any number of judges work on
them, each on some of the partitions."""

from httptee.verdict.fleet.central import GROUP, CentralJudge
from httptee.verdict.fleet.forgetting import forget, read_merged
from httptee.verdict.fleet.leftovers import Leftovers
from httptee.verdict.fleet.packing import packed_key
from httptee.verdict.fleet.partitions import Partitions
from httptee.verdict.fleet.publisher import SUFFIX, Describer, Publisher, Telling
from httptee.verdict.fleet.reading import TeeDocuments
from httptee.verdict.fleet.standing import Standing

__all__ = [
    "GROUP",
    "SUFFIX",
    "CentralJudge",
    "Describer",
    "Leftovers",
    "Partitions",
    "Publisher",
    "Standing",
    "TeeDocuments",
    "Telling",
    "forget",
    "packed_key",
    "read_merged",
]
