"""Runs Waybill on one machine. It imports no other program, but starts them as processes.

Reading order: stack (the six steps), programs and server (what runs), postgres and valkey (the
embedded stores), supervisor, fleet and processes (how children live and end), then their basis:
folder, lock, addresses, environment, listen, sockets, identity, kernel, logs.
"""
