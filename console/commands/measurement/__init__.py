"""Commands that show what was measured, and the exchange rates that revenue is converted by."""
