"""Reports: questions about an app's rollups, answered as tables and charts.

Reading order: question and period (what is asked), names and bounds (which rollups that selects),
figures, report, reach, buckets, activity, retention, active_by, overview, recent_days and raw (the
answers), sheet and sheets (as tables), charts and report_charts (as charts), choices (of filters).
"""
