"""Hostile Bs and hostile clients: what A's ordinary clients notice of them."""
