"""Upgraded connections: after A's 101 (RFC 9110 §7.8), bytes are passed on both ways until one side ends. One thread of
its own carries all of a process."""

from httptee.tunnel.switch import Switch
from httptee.tunnel.tunnels import Tunnels

__all__ = ["Switch", "Tunnels"]
