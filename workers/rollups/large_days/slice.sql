-- The figures of a slice, its users, and what each of them did (`slice_users`, `slice_events`). These
-- CTEs follow `belongs`, the sums of an hour and `seen`, and end the statement.
listed AS (
    INSERT INTO slice_users (user_ref) SELECT DISTINCT user_ref FROM present
)
INSERT INTO slice_events (user_ref, event, partner_id, link_id, source, campaign, country)
SELECT user_ref, event, partner_id, link_id, source, campaign, country FROM seen
