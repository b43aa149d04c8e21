-- Once no old worker rolls up: the sums of all rollups so far. No worker rolls up meanwhile. Reports use
-- the sums from the moment on that this has been applied.
SELECT pg_advisory_xact_lock(
    ((CASE current_schema() WHEN 'public' THEN 0 ELSE hashtext(current_schema()) END)::bigint << 32)
    + 7246004
);
DELETE FROM figure_sums;
DELETE FROM traffic_sums;
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
GROUP BY app_id, environment, grain, start, event, currency,
         GROUPING SETS ((link_id, source, campaign), (link_id, source), (country));
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
GROUP BY app_id, environment, grain, start, part,
         GROUPING SETS ((link_id, source, campaign), (link_id, source), (sub_id));
