"""Settings of the console's accounts and of what people may do there."""
