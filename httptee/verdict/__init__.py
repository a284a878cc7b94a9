"""What the comparisons add up to: noise, tests, tallies, evidence, and the report that answers YES, NO or NOT YET."""
