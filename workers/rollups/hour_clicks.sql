-- The clicks and impressions of an hour that may be credited. What has expired is not counted again.
INSERT INTO traffic (
    app_id, environment, grain, start, part, link_id, source, campaign, sub_id,
    clicks, impressions, click_installs, view_installs,
    delay_ms, delay_10s, delay_1m, delay_1h, delay_1d, delay_7d, delay_more
)
SELECT
    %(app_id)s, %(environment)s, 'hour', %(start)s, 'seen', link, named.source, named.campaign,
    named.sub_id, count(*) FILTER (WHERE kind = 'click'),
    count(*) FILTER (WHERE kind = 'impression'), 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM (
    SELECT
        kind, CASE origin_kind WHEN 'link' THEN origin::bigint ELSE 0 END AS link,
        CASE origin_kind WHEN 'source' THEN left(origin, 200) ELSE '' END AS source,
        coalesce(left(coalesce(
            nullif(btrim(parameters->>'campaign'), ''), btrim(parameters->>'campaign_id')
        ), 200), '') AS campaign,
        coalesce(left(btrim(parameters->>'pub_sub_id'), 200), '') AS sub_id
    FROM clicks
    WHERE event_time >= %(from)s AND event_time < %(until)s
      AND app_id = %(app_id)s AND environment = %(environment)s AND origin IS NOT NULL
) AS named
WHERE NOT EXISTS (
    SELECT FROM retention WHERE app_id = %(app_id)s AND %(start)s < clicks_counted_before
)
GROUP BY 6, 7, 8, 9
