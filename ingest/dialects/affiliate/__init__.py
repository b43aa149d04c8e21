"""The affiliate dialect: conversions that networks and trackers report by a click id of ours.

There is no one source: Voluum's, Keitaro's, Everflow's, TUNE's and Swaarm's pages on postbacks use
the same few fields under names of their own. docs/dialects/affiliate.md has the list, and where
Waybill differs. Read `conversion` first, then `field_names`, `conversion_status`, and `keitaro`.
"""
