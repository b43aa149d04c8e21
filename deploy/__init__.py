"""How Waybill runs on one machine. Imports no other program: it starts them as processes.

Reading order: stack (what happens, in six steps), programs and server (what runs), postgres and
valkey (the embedded stores), supervisor and processes (how children live and end), then what these
stand on: folder, lock, addresses, environment, listen, sockets, identity, kernel, logs.
"""
