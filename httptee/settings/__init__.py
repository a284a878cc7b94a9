"""From a command line, the environment and a file to frozen settings, by one option table."""
