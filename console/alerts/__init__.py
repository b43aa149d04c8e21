"""What people set about alerts: `destinations`, a `trial` of each, and the `alert_log`."""
