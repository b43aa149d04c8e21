"""What each program may do in Redis and PostgreSQL, and the users and roles that may do it.

Read `grantees` first, then the two tables, `table_rights` and `key_rights`. `redis_users` and
`roles` make the stores agree with them, `access_urls` holds the credentials.
"""
