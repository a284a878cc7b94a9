"""The HTTP contract again, word for word, with TLS on every side: client to tee, tee to A, tee to B."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.client import RawClient
from tests.support.scripted import ScriptedServer
from tests.support.tee import Tee
from tests.support.tls import Authority

from .test_answers import *  # noqa: F403
from .test_errors import *  # noqa: F403
from .test_fidelity import *  # noqa: F403
from .test_malformed import *  # noqa: F403
from .test_streaming import *  # noqa: F403

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", autouse=True)
def _tls_everywhere(authority: Authority) -> Iterator[None]:
    always = ("-cert.file", authority.issue(), "-a.ca", authority.file, "-b.ca", authority.file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tee, "always", always)
        patch.setattr(RawClient, "tls", authority.client())
        patch.setattr(ScriptedServer, "tls", authority.server())
        yield
