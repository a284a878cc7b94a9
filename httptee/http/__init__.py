"""HTTP as values and pure functions: messages, header fields, where a server is, what a client sent."""
