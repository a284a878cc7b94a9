"""The runs: each module measures one thing, and returns its tables and rows."""
