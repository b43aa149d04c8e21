"""Singular's dialect: sessions and events of a device, as a backend reports them.

Source of each rule: Singular's references of its S2S endpoints SESSION and EVENT and of their
response codes; docs/dialects/singular.md says where Waybill differs. Read `call` first (both
endpoints), then `device` and `responses`.
"""
