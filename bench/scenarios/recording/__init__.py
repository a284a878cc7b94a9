"""What a recording costs."""
