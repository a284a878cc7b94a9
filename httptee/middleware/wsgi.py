"""WSGI middleware for which the application is A (PEP 3333)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from httptee.ledger import Ledger
from httptee.middleware.application import Application
from httptee.middleware.incoming import body_of
from httptee.middleware.inside import Inside
from httptee.middleware.passage import FOLLOWING, Passage

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from prometheus_client.registry import Collector

_FILE_WRAPPER = "wsgi.file_wrapper"


class Shadowed:
    """A WSGI application that answers what `application` answers, and offers a clone of each request to every B.

    `shadows` are lines of Bs, as after `-b`. `settings` maps names of options to values, and `config` names a file; the
    environment (`HTTPTEE_…`) counts too, unless another one is given in `environ`. Raises ConfigError, which names the
    line, the key, the variable, or the line of the file. Nothing of the tee's can fail a request.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *shadows: str,
        settings: Mapping[str, object] | None = None,
        config: str | os.PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.application = application
        self._asked = Application(application)
        self._inside = Inside(self._asked, shadows, settings or {}, config, os.environ if environ is None else environ)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request as the application does."""
        request = self._begun(environ)
        if request is None:
            return self.application(environ, start_response)
        try:
            result = self.application(environ, request.starts(start_response))
        except BaseException:
            request.passage.failed()
            request.passage.close()
            raise
        return request.answered(result)

    @property
    def ledger(self) -> Ledger:
        """What became of every clone, over all processes that count together."""
        return self._inside.ledger

    def metrics(self) -> Collector:
        """The ledger as a collector, for a registry of the Prometheus client: `registry.register(app.metrics())`."""
        return self._inside.metrics()

    def close(self) -> None:
        """Drain the Bs of this process within the drain timeout. The end of the process calls it too."""
        self._inside.end()

    def _begun(self, environ: WSGIEnvironment) -> _Request | None:
        tee = self._inside.tee
        if tee is None or tee.budget is None:
            return None
        try:
            self._inside.publish(monotonic())
            self._asked.saw(environ)
            seen = environ.copy()
            body = body_of(environ, self._inside.most_body, tee.budget)
            return _Request(Passage(tee, seen, body), environ)
        except Exception:
            tee.faults.report(FOLLOWING)
            return None


class _Request:
    """What is needed of one request until its answer is an iterable."""

    __slots__ = ("_environ", "_files", "passage")

    def __init__(self, passage: Passage, environ: WSGIEnvironment) -> None:
        self.passage = passage
        self._environ = environ
        self._files: list[object] = []
        wrapper = environ.get(_FILE_WRAPPER)
        if wrapper is not None and not isinstance(wrapper, type):
            environ[_FILE_WRAPPER] = self._wrapping(wrapper)

    def starts(self, start_response: StartResponse) -> Any:
        """The server's `start_response`, with its calls noted."""
        passage = self.passage

        def started(*args: Any, **kwargs: Any) -> Callable[[bytes], object]:
            write = start_response(*args, **kwargs)
            passage.started(*args, **kwargs)

            def wrote(data: bytes) -> object:
                passage.unseen()
                return write(data)

            return wrote

        return started

    def answered(self, result: Iterable[bytes]) -> Iterable[bytes]:
        """The application's iterable, with its pieces noted; unchanged if the server has to recognize it as a file."""
        wrapper = self._environ.get(_FILE_WRAPPER)
        if (isinstance(wrapper, type) and isinstance(result, wrapper)) or self._is_file(result):
            self.passage.unseen()
            self.passage.close()
            return result
        return (_SizedAnswer if hasattr(result, "__len__") else _Answer)(result, self.passage)

    def _is_file(self, result: object) -> bool:
        return bool(self._files) and any(result is file for file in self._files)

    def _wrapping(self, wrapper: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            made = wrapper(*args, **kwargs)
            self._files.append(made)
            return made

        return wrapped


class _Answer:
    """The application's iterable. Its pieces and its errors pass unchanged."""

    def __init__(self, result: Any, passage: Passage) -> None:
        self._result = result
        self._passage = passage

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces(iter(self._result))

    def close(self) -> None:
        """Close the application's iterable, then offer the clone."""
        try:
            close = getattr(self._result, "close", None)
            if close is not None:
                close()
        finally:
            self._passage.close()

    def _pieces(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        passage = self._passage
        try:
            for piece in pieces:
                passage.passed(piece)
                yield piece
                passage.sent()
        except GeneratorExit:
            raise
        except BaseException:
            passage.failed()
            raise
        passage.ended()


class _SizedAnswer(_Answer):
    """The same for an iterable with a length: from a length of one, a server knows the Content-Length."""

    def __len__(self) -> int:
        return len(self._result)
