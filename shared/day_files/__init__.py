"""Day files: events of closed days, which are in Parquet files and no longer in PostgreSQL.

Read `columns`, `parquet`, `catalog`, `claims`, `folder` and `front_table`, then `rows` and
`changes`, through which everything else reads and changes such events.
"""
