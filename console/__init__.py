"""The `waybill` command: what people and operators ask for.

Operations are functions that take connections and give values (apps, app_rules, tokens,
event_types, unmapped, trace, users, search, imports, recomputing, quarantine, set_aside,
rejections, status);
commands/ only reads arguments and shows what came back, so that web pages can stand on the same
operations.

Reading order: main, stores, output, then any noun beside its file in commands/.
"""
