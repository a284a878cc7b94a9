"""What the verdict rests on, in SQLite, with credentials replaced: pairs as examples, the states of the courts, and the
latest reports. The judge writes it with `Evidence`; others read it at the same time."""

from httptee.verdict.evidence.chest import as_text
from httptee.verdict.evidence.content import decoded
from httptee.verdict.evidence.database import Unreadable
from httptee.verdict.evidence.document import as_json, document, is_document, report_of, worst
from httptee.verdict.evidence.evidence import Evidence
from httptee.verdict.evidence.places import check_directory, own_directory, private_directory, remove_private
from httptee.verdict.evidence.publishing import published, with_safe_examples, without_examples
from httptee.verdict.evidence.reader import read_pair, read_verdict
from httptee.verdict.evidence.stored import StoredAnswer, StoredPair, StoredRequest

__all__ = [
    "Evidence",
    "StoredAnswer",
    "StoredPair",
    "StoredRequest",
    "Unreadable",
    "as_json",
    "as_text",
    "check_directory",
    "decoded",
    "document",
    "is_document",
    "own_directory",
    "private_directory",
    "published",
    "read_pair",
    "read_verdict",
    "remove_private",
    "report_of",
    "with_safe_examples",
    "without_examples",
    "worst",
]
