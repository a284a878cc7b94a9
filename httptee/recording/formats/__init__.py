"""Recordings in the formats of other programs: GoReplay's files and HAR, read and written; vegeta's targets and `curl`
commands, written. `Source` reads any of them, `Sink` writes any of them."""

__all__ = []
