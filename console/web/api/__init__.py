"""The HTTP API: what the pages show and do, as JSON, for programs that hold a key.

`door` lets a call in and answers it, `endpoints` is the list of all calls, `document` describes
them for tools (OpenAPI 3.1), made of the same list and of the types that handlers take and give.
"""
