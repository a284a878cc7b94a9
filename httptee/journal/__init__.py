"""Append-only files of framed, checksummed records: what survives a torn write, a full disk and flipped bytes."""

__all__ = []
