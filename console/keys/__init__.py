"""Rotates the key of an installation."""
