"""Rules of HTTP that more than one program keeps: whose request it is, and for which host."""
