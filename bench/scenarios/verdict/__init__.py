"""What the verdict costs A's clients, and in a simulation whether it is right."""
