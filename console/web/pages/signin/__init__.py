"""Pages about the ways of signing in, beside the password."""
