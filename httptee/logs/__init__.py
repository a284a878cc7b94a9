"""The access log, its formats and writer, and warnings that do not flood."""
