"""The web console: pages over the operations that the command line stands on too.

A request's way: `app` finds the route (`routes`, one list), `door` lets it in (session, role, CSRF)
and calls the page's handler, a function of a `visit` that gives an answer (`answers`), which `door`
writes out, rendered by `rendering`.

A new page is a module in pages/ with its handlers, a template of the same name, and its lines in
`routes` and `navigation`. Handlers ask the operations in console/ and hold no SQL.
"""
