-- The figures of an hour or a day, added up over what most reports do not ask for.
WITH replaced AS (
    DELETE FROM figure_sums
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
      AND level IN ('origin', 'campaign', 'country') AND start = %(start)s
)
INSERT INTO figure_sums (
    app_id, environment, grain, start, level, event, link_id, source, campaign, country, currency,
    events, amount, value, installs, organic, reattributions, sessions, unverified
)
SELECT
    app_id, environment, grain, start,
    CASE WHEN GROUPING(country) = 0 THEN 'country' WHEN GROUPING(campaign) = 0 THEN 'campaign'
         ELSE 'origin' END,
    event, coalesce(link_id, 0), coalesce(source, ''), coalesce(campaign, ''),
    coalesce(country, ''), currency, sum(events), sum(amount), sum(value), sum(installs),
    coalesce(sum(installs) FILTER (WHERE link_id = 0 AND source = ''), 0), sum(reattributions),
    sum(sessions), sum(unverified)
FROM figures
WHERE app_id = %(app_id)s AND environment = %(environment)s AND grain = %(grain)s
  AND start = %(start)s
GROUP BY app_id, environment, grain, start, event, currency,
         GROUPING SETS ((link_id, source, campaign), (link_id, source), (country))
