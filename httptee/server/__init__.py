"""The tee's own HTTP server: waitress, made exact and quick."""
