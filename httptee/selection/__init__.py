"""Which requests a B gets, and what is changed in them. Pure functions."""
