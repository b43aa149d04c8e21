"""Many machines, tried: hosts that are network namespaces, faults under load, a judge who counts.

    make cluster-test

Reading order: hosts (what a host is and how it is cut off), stores and product (what runs on
them), cluster (who is who), load (the senders), faults (what is done), judge (what came of it).
Imports nothing of the product. Needs root, iproute2 and Debian's redis-server and postgresql-15.
Addresses are inside the namespaces alone, which it makes and removes.
"""
