"""The Adjust dialect: parameters of its S2S endpoints, and its answers byte for byte.

Source of each rule: Adjust's S2S API pages (events, sessions, ad revenue, security) and its page
"Set up S2S security"; docs/dialects.md says where Waybill differs, and what real clients send that
those pages do not know.
"""

from ingest.dialects.adjust.ad_revenue import AD_REVENUE
from ingest.dialects.adjust.event import EVENT, REVENUE
from ingest.dialects.adjust.session import SESSION

__all__ = ["AD_REVENUE", "EVENT", "REVENUE", "SESSION"]
