"""Who is at the other end of a connection, by what a proxy in front says: `Proxies` are those that are believed. The
preamble of the PROXY protocol is read and written here."""

from httptee.http.peers.preamble import MOST, read_preamble, write_preamble
from httptee.http.peers.proxies import Proxies

__all__ = ["MOST", "Proxies", "read_preamble", "write_preamble"]
