"""`/gdpr_forget_device`, `/third_party_sharing`, `/measurement_consent`: what a user asks an SDK.

They are read as a server's are. Whoever is forgotten is answered by `opted_out`, by which any of
Adjust's SDKs turns itself off.
"""

from functools import partial

from ingest.dialects.adjust.privacy import read_forget, read_measurement, read_sharing
from ingest.dialects.adjust.responses import forget_error_reply, sharing_error_reply
from ingest.dialects.adjust_sdk.answers import opted_out_reply, tracked_reply
from ingest.dialects.adjust_sdk.package import adjust_sdk_dialect, read_package
from ingest.dialects.dialect import ParsedRequest, Reply


def _forget_replies(parsed: ParsedRequest) -> tuple[Reply, Reply | None]:
    return opted_out_reply(parsed.event), None


def _choice_replies(parsed: ParsedRequest) -> tuple[Reply, Reply | None]:
    return tracked_reply(parsed.event, "Choice received"), None


PRIVACY_CALLS = {
    path: adjust_sdk_dialect(partial(read_package, partial(read, path), replies), error_reply)
    for path, read, replies, error_reply in (
        ("/gdpr_forget_device", read_forget, _forget_replies, forget_error_reply),
        ("/third_party_sharing", read_sharing, _choice_replies, sharing_error_reply),
        ("/measurement_consent", read_measurement, _choice_replies, sharing_error_reply),
    )
}
