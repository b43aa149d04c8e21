-- The distinct users of a period, counted for each breakdown that a report may request, because
-- users cannot be summed. This CTE follows `seen` and ends the statement.
split AS (
    SELECT DISTINCT 'none' AS split, user_ref, event,
           0 AS partner_id, 0::bigint AS link_id, '' AS source, '' AS campaign,
           '' AS country
    FROM seen
    UNION ALL
    SELECT DISTINCT 'none', user_ref, '', 0, 0, '', '', '' FROM seen
    UNION ALL
    SELECT DISTINCT 'partner', user_ref, event, partner_id, 0, source, '', '' FROM seen
    UNION ALL
    SELECT DISTINCT 'partner', user_ref, '', partner_id, 0, source, '', '' FROM seen
    UNION ALL
    SELECT DISTINCT 'link', user_ref, event, partner_id, link_id, source, '', '' FROM seen
    UNION ALL
    SELECT DISTINCT 'link', user_ref, '', partner_id, link_id, source, '', '' FROM seen
    UNION ALL
    SELECT DISTINCT 'campaign', user_ref, event, partner_id, 0, source, campaign, '' FROM seen
    UNION ALL
    SELECT DISTINCT 'campaign', user_ref, '', partner_id, 0, source, campaign, '' FROM seen
    UNION ALL
    SELECT DISTINCT 'country', user_ref, event, 0, 0, '', '', country FROM seen
    UNION ALL
    SELECT DISTINCT 'country', user_ref, '', 0, 0, '', '', country FROM seen
)
INSERT INTO reach (
    app_id, environment, grain, start, split, event, partner_id, link_id, source, campaign, country,
    users
)
SELECT
    %(app_id)s, %(environment)s, %(grain)s, %(start)s, split, event, partner_id, link_id, source,
    campaign, country, count(*)
FROM split
GROUP BY split, event, partner_id, link_id, source, campaign, country
