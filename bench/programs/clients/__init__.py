"""Client programs, each in a process of its own: exact loads, slow clients, and hostile ones."""
