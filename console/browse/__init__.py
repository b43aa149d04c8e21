"""Lists events and users, newest first, a page at a time.

`event_filter` says which events are wanted, `event_list` finds them, `recent_users` finds who
sent the latest ones, `user_words` says who a user is. No call reads more than a fixed number of
rows: what is rare is found by going on from where the last page ended.
"""
