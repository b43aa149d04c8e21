"""Loads the snapshot, part by part, so that no change holds up the requests of a process."""
