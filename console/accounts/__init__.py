"""Accounts of the console: people, their invitations, passwords and sessions, and API keys.

Reading order: people, passwords, invitations, login, login_sessions, api_keys.
"""
