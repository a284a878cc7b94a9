"""The bench: httptee beside the plain tee, nginx, Envoy and no tee at all, on one machine in one run.

`python -m bench --help` lists the scenarios. The figures and how to read them are in `docs/performance.md`.
"""
