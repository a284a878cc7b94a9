"""One verdict for many tees: each tee publishes its pairs and its counts in an engine, and any number of judges work on
them, each on some of the partitions."""

__all__ = ()
