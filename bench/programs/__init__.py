"""The programs of a run: the tees and other subjects, A and B, the load generators, and how they are started."""
