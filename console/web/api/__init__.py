"""The HTTP API: what the pages show and do, as JSON, for programs that hold a key.

Read `endpoints` (the list of all calls), `dispatcher` (key, role, handler), then a module of
handlers. `document` describes the calls for tools (OpenAPI 3.1), generated from the same list and
from the types that handlers take and return.
"""
