"""The web console: pages and an HTTP API on the same operations as the command line.

Read `app` (routes to dispatchers), `routes` (every page and its role), `page_dispatcher` (session,
role, CSRF, handler), a module of pages/, `responses`, `rendering`; then api/ for the HTTP API.

A new page is a module in pages/ with its handlers, a template of the same name, and its lines in
`routes` and `navigation`. Handlers call the operations of console/ and contain no SQL.
"""
