"""The pages of the console: each module holds the handlers of one page or of a few related ones.

A handler takes a `PageRequest` and what the path names, calls the operations of console/, and
returns an answer of `responses`. Read them in any order; `routes` lists them all.
"""
