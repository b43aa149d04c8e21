"""How Hypothesis searches here: without a deadline, because shared cores pause at any moment."""

from hypothesis import settings

settings.register_profile("shared cores", deadline=None)
settings.load_profile("shared cores")
