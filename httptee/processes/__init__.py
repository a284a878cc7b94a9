"""Many processes: the supervisor, generations of workers, reloads, and the admin listener's process."""
