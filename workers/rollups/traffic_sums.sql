-- The clicks and installs of an hour or a day, added up over what most reports do not ask for.
WITH replaced AS (
    DELETE FROM traffic_sums
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
      AND level IN ('origin', 'campaign', 'sub_id') AND start = %(start)s
)
INSERT INTO traffic_sums (
    app_id, environment, grain, start, level, part, link_id, source, campaign, sub_id,
    clicks, impressions, click_installs, view_installs,
    delay_ms, delay_10s, delay_1m, delay_1h, delay_1d, delay_7d, delay_more
)
SELECT
    app_id, environment, grain, start,
    CASE WHEN GROUPING(sub_id) = 0 THEN 'sub_id' WHEN GROUPING(campaign) = 0 THEN 'campaign'
         ELSE 'origin' END,
    part, coalesce(link_id, 0), coalesce(source, ''), coalesce(campaign, ''), coalesce(sub_id, ''),
    sum(clicks), sum(impressions), sum(click_installs), sum(view_installs),
    sum(delay_ms), sum(delay_10s), sum(delay_1m), sum(delay_1h), sum(delay_1d), sum(delay_7d),
    sum(delay_more)
FROM traffic
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start = %(start)s
GROUP BY app_id, environment, grain, start, part,
         GROUPING SETS ((link_id, source, campaign), (link_id, source), (sub_id))
