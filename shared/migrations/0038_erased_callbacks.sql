-- An app's own systems hear when a person was erased.
-- There are few endpoints, and every one that exists passes.
ALTER TABLE callback_endpoints
    DROP CONSTRAINT callback_endpoints_activities_check,
    ADD CONSTRAINT callback_endpoints_activities_check CHECK (activities <@ ARRAY[
        'install', 'reattribution', 'attribution_updated', 'event', 'session', 'ad_revenue',
        'click', 'impression', 'rejected_install', 'rejected_reattribution', 'erased'
    ]) NOT VALID;
ALTER TABLE callback_endpoints VALIDATE CONSTRAINT callback_endpoints_activities_check;
