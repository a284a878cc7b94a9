"""The pages and metrics of the admin listener. `Admin` is its WSGI application, `check_of` builds the check of A."""

from httptee.admin.application import Admin
from httptee.admin.check import check_of

__all__ = [
    "Admin",
    "check_of",
]
