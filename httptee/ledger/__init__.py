"""What became of every clone and of every request to A, in memory that all processes share."""
