"""Imports files that were uploaded in the console: `upload_claims` before `upload_import`."""
