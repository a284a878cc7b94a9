"""What the tests of the running program share: scripted servers, raw clients, and runners of real programs."""
