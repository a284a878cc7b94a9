"""The programs of a run: the tees and other subjects, A and B, the load generators, and how they are started.

`clients` are client programs of the bench's own, `hostile` is the server whose answers do harm.
"""
