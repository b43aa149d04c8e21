"""What an app's users cost: uploaded amounts by day, and prices of links.

Reading order: cost_file (a CSV file), uploads (amounts by day and partner), prices (of links),
spending (both together, for reports).
"""
