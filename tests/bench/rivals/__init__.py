"""What a good team would write instead, in FastAPI and PostgreSQL alone, without Redis.

`store_only` keeps each event and answers once it is committed: nobody knows whose it is.
`in_sql` finds the user, the session and the click of each event in one function of PostgreSQL.
Both have one process and asyncpg, and are tuned as their author would tune them.
"""
