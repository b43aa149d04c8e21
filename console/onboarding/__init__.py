"""Leads an app from its creation to everyday use.

`checklist` lists the steps of a new app, `sample_event` sends its first event, and `attention`
lists what somebody should look at from then on.
"""
