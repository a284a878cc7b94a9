"""A steady load: latencies at fixed rates; a healthy B gets all its clones, in many short rounds and after it was
stopped; and the memory that waiting takes."""
