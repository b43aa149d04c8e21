"""Backs an installation up while it runs, and restores a backup into an empty one.

Read `archive` (the file: members, checksums, the manifest), `tables` (what belongs to a backup),
then `save` and `load`, and `erase_again` (whoever was erased after the backup).
"""
