"""A module a page: handlers that take a visit and give an answer."""
