"""The road to an upstream: bytes on the wire, idle connections, and the requests adapter that joins them."""
