-- The users of a stretch of time, each once for each event and origin: the distinct users of every
-- breakdown are derived from that. This CTE follows `belongs`.
seen AS MATERIALIZED (
    SELECT DISTINCT belongs.user_ref, event, link_id, source, campaign, country,
           CASE WHEN link_id = 0 THEN 0 ELSE coalesce(partner_id, -1) END AS partner_id
    FROM belongs LEFT JOIN links ON links.id = link_id
    WHERE counted
)
