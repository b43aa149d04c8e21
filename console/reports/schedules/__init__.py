"""Sends reports to people and programs at the hours that they choose, by mail or to a webhook.

Reading order: timing (when), report_schedules (what, and to whom), report_message (the table as a
file), report_sending (one attempt), due_reports (claims, and what became of them).
"""
