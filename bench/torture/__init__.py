"""Backends, clients and operators that do whatever may go wrong, and the judge of what comes of it.

`python -m bench soak` and tests/integration/test_torture.py are made of the same parts.
"""
