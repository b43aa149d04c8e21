-- The figures of a day, added up by partner or source and by country.
WITH replaced AS (
    DELETE FROM place_sums
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND start = %(start)s
)
INSERT INTO place_sums (
    app_id, environment, start, event, partner_id, source, country, currency,
    events, amount, value, installs, organic, reattributions, sessions, unverified
)
SELECT
    figures.app_id, environment, start, event,
    coalesce(links.partner_id, CASE link_id WHEN 0 THEN 0 ELSE -1 END), source, country, currency,
    sum(events), sum(amount), sum(value), sum(installs),
    coalesce(sum(installs) FILTER (WHERE link_id = 0 AND source = ''), 0), sum(reattributions),
    sum(sessions), sum(unverified)
FROM figures LEFT JOIN links ON links.id = link_id
WHERE figures.app_id = %(app_id)s AND environment = %(environment)s AND grain = 'day'
  AND start = %(start)s
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
