-- Once no old worker rolls up: the sums of all daily rollups so far. No worker rolls up meanwhile.
-- Reports use the sums from the moment on that this has been applied.
SELECT pg_advisory_xact_lock(
    ((CASE current_schema() WHEN 'public' THEN 0 ELSE hashtext(current_schema()) END)::bigint << 32)
    + 7246004
);
DELETE FROM place_sums;
DELETE FROM earning_sums;
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
WHERE grain = 'day'
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
ORDER BY 1, 2, 3;
INSERT INTO earning_sums (app_id, environment, day, first_day, currency, amount)
SELECT app_id, environment, day, first_day, currency, sum(amount)
FROM earnings
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2, 3;
