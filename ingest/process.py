"""What an ingest process has from before its application is made: its tally, and the memory that
its gunicorn's master shared with it."""

from ingest.telemetry.shared_counts import SharedCounts
from shared.tally import Tally

SHARED = SharedCounts()
TALLY = Tally()
