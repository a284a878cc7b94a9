"""A healthy B gets all its clones: in many short rounds, after it was stopped, and the memory that waiting takes."""
