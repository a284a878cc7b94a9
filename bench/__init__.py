"""The bench: httptee beside the plain tee, nginx, Envoy and no tee at all, on one machine in one run.

Run `python -m bench --help`. What it found last, and how to read it, is in `docs/performance.md`.
"""
