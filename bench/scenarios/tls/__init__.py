"""TLS in front: httptee beside nginx, and a crowd of peers that never finish their handshake."""
