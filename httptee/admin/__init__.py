"""What the tee tells about itself, on a listener of its own: /healthz, /readyz, /status and /metrics."""
