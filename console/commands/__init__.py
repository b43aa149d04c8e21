"""The `waybill` commands: one module for each, named after it.

A command reads its arguments, calls an operation of `console` and prints the result. Start with
`status` for the smallest one and `token` for a group; `terminal` holds what all of them share.
"""
