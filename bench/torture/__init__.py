"""Backends, clients and operators that commit every fault, and the judge of the answers.

`python -m bench soak` and tests/integration/test_torture.py consist of these parts.
"""
