-- The installs of an hour that a click or impression is credited with, and how long after the click
-- they came. An install is a user's first attribution, at the time of their first signal.
INSERT INTO traffic (
    app_id, environment, grain, start, part, link_id, source, campaign, sub_id,
    clicks, impressions, click_installs, view_installs,
    delay_ms, delay_10s, delay_1m, delay_1h, delay_1d, delay_7d, delay_more
)
SELECT
    %(app_id)s, %(environment)s, 'hour', %(start)s, 'credited', link, came.source, came.campaign,
    came.sub_id, 0, 0, count(*) FILTER (WHERE kind = 'click'),
    count(*) FILTER (WHERE kind = 'impression'),
    coalesce(sum(extract(epoch FROM delay) * 1000) FILTER (WHERE kind = 'click'), 0),
    count(*) FILTER (WHERE kind = 'click' AND delay <= interval '10 seconds'),
    count(*) FILTER (
        WHERE kind = 'click' AND delay > interval '10 seconds' AND delay <= interval '1 minute'
    ),
    count(*) FILTER (
        WHERE kind = 'click' AND delay > interval '1 minute' AND delay <= interval '1 hour'
    ),
    count(*) FILTER (
        WHERE kind = 'click' AND delay > interval '1 hour' AND delay <= interval '24 hours'
    ),
    count(*) FILTER (
        WHERE kind = 'click' AND delay > interval '24 hours' AND delay <= interval '168 hours'
    ),
    count(*) FILTER (WHERE kind = 'click' AND delay > interval '168 hours')
FROM (
    SELECT
        named.kind, decided.event_time - named.event_time AS delay,
        CASE decided.origin_kind WHEN 'link' THEN decided.origin::bigint ELSE 0 END AS link,
        CASE decided.origin_kind WHEN 'source' THEN left(decided.origin, 200) ELSE '' END AS source,
        coalesce(left(coalesce(
            nullif(btrim(parameters->>'campaign'), ''), btrim(parameters->>'campaign_id')
        ), 200), '') AS campaign,
        coalesce(left(btrim(parameters->>'pub_sub_id'), 200), '') AS sub_id
    FROM (
        SELECT id FROM users
        WHERE first_time >= %(from)s AND first_time < %(until)s
          AND app_id = %(app_id)s AND environment = %(environment)s
        OFFSET 0
    ) AS new
    CROSS JOIN LATERAL (
        SELECT event_time, origin_kind, origin, click_id, is_reattribution FROM attributions
        WHERE user_ref = new.id AND superseded_at IS NULL
        ORDER BY event_time, receipt LIMIT 1
    ) AS decided
    CROSS JOIN LATERAL (
        SELECT kind, event_time, parameters FROM clicks
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND clicks.click_id = decided.click_id
        OFFSET 0
    ) AS named
) AS came
GROUP BY 6, 7, 8, 9
