"""Which names stand for a secret (`Names`, `is_secret`), and where the secrets stand in a body and in a URL:
`in_content`, `in_url`, `in_words`. Pure: texts in, places out; `replaced_at` writes something else there."""

from httptee.selection.secrets.contents import examined, in_content
from httptee.selection.secrets.documents import Place, opens, replaced_at
from httptee.selection.secrets.names import Names
from httptee.selection.secrets.parameters import in_url, in_words
from httptee.selection.secrets.secret_names import is_secret, may_name_secrets

__all__ = [
    "Names",
    "Place",
    "examined",
    "in_content",
    "in_url",
    "in_words",
    "is_secret",
    "may_name_secrets",
    "opens",
    "replaced_at",
]
