"""A test of many machines: hosts that are network namespaces, faults under load, a judge that
counts.

    make cluster-test

Reading order: hosts (what a host is and how it is cut off), stores and product (what runs on
them), cluster (which host runs what), load (the senders), faults (what is done), judge (the
result). Imports nothing of the product. Needs root, iproute2 and Debian's redis-server and
postgresql-15. Addresses exist only inside the namespaces, which it creates and removes.
"""
