"""Which requests a B gets, and what is changed in its clones, without any I/O. `selections` makes the rules of each B
from its `Criteria`. `is_secret` says which names stand for a credential."""

from httptee.selection.changes import NO_CHANGES, Changes, HeaderLine, PathRewrite, names_to_remove
from httptee.selection.expressions import pattern
from httptee.selection.form import AS_IT_IS, Form
from httptee.selection.hosts import Host
from httptee.selection.rate import Rate, part_of
from httptee.selection.rules import Filter, header_filter, methods_filter, methods_search, path_filter
from httptee.selection.sampling import SCALE, Sticky
from httptee.selection.secrets import is_secret, may_name_secrets
from httptee.selection.selection import Criteria, Finding, Selection, selections
from httptee.selection.statuses import Statuses

__all__ = [
    "AS_IT_IS",
    "NO_CHANGES",
    "SCALE",
    "Changes",
    "Criteria",
    "Filter",
    "Finding",
    "Form",
    "HeaderLine",
    "Host",
    "PathRewrite",
    "Rate",
    "Selection",
    "Statuses",
    "Sticky",
    "header_filter",
    "is_secret",
    "may_name_secrets",
    "methods_filter",
    "methods_search",
    "names_to_remove",
    "part_of",
    "path_filter",
    "pattern",
    "selections",
]
