"""Plays a world to a court on a simulated clock, and scores what the court says."""
