"""Rules for the names that people and senders choose."""
