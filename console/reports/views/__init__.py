"""Reports to keep: how a report is laid out, and views that people save.

Reading order: layout (columns and order of rows), view_query (a report as a query), saved_views (of
a person, for an app), row_page (the rows that a page shows).
"""
