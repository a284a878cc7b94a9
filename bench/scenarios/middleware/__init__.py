"""A Flask application that shadows itself: what that costs."""
