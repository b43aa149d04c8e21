"""The Swaarm dialect: parameters of its endpoints, and its answers.

Source of each rule: Swaarm's page "MMP: Server to server (S2S) integration" and those on its
tracking links; docs/dialects.md says where Waybill differs. `event_time` and the idempotency key
are Waybill's own.
"""

from ingest.dialects.swaarm.click import CLICK, IMPRESSION, read_click
from ingest.dialects.swaarm.postback import POSTBACK, read_postback
from ingest.dialects.swaarm.responses import accepted, refused
from ingest.dialects.swaarm.s2sevent import S2SEVENT, read_s2sevent

__all__ = [
    "CLICK",
    "IMPRESSION",
    "POSTBACK",
    "S2SEVENT",
    "accepted",
    "read_click",
    "read_postback",
    "read_s2sevent",
    "refused",
]
