"""The pages and metrics of the admin listener. `Admin` is its WSGI application, `Hour` the memory of
the last hour, `check_of` builds the check of A."""

from httptee.admin.application import Admin
from httptee.admin.check import check_of
from httptee.admin.hour import Hour

__all__ = [
    "Admin",
    "Hour",
    "check_of",
]
