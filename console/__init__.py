"""The `waybill` command and the web console.

Operations are functions that take connections and return values (apps, security, accounts, lookup,
pipeline, importer, reports). commands/ and web/ only read arguments and show the results, so both
use the same operations.

Reading order: main, connections, resources, then a folder of operations beside its files in
commands/ and web/pages/.
"""
