"""Commands that rename, archive and restore: one set of them for each group."""
