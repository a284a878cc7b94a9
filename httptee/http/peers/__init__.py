"""Who is at the other end of a connection, by what a proxy in front says: `Proxies` are those that are believed."""

from httptee.http.peers.proxies import Proxies

__all__ = ["Proxies"]
