"""Records what became of each request, for the people who integrate an app.

Read `journal` first (called on the way of a request), then the two logs that it fills: `rejections`
(refused requests) and `checks` (the last requests of each token).
"""
