"""What takes the judge's place in a tee whose pairs are judged elsewhere: it is built here, in the judge's process."""

from httptee.processes.publishing.making import make_publisher

__all__ = ["make_publisher"]
