"""Pages about what is sent to people."""
