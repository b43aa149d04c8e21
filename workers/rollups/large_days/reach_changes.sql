-- Replaces what the users of a slice did in it, and changes the reach of the hour and of the day by what
-- that makes of them. A user counts once in each breakdown, so what they did in all of the day is
-- compared, before and after.
WITH stored AS MATERIALIZED (
    SELECT
        known.*, slot BETWEEN %(first_slot)s AND %(last_slot)s OR slot = %(hour_slot)s AS is_replaced,
        slot BETWEEN %(hour_slot)s AND %(hour_slot)s + 60 AS in_hour
    FROM slice_users CROSS JOIN LATERAL (
        SELECT ctid AS place, user_ref, slot, event, partner_id, link_id, source, campaign, country
        FROM day_events
        WHERE day_id = %(day_id)s AND day_events.user_ref = slice_users.user_ref
        OFFSET 0
    ) AS known
), did AS (
    SELECT user_ref, event, partner_id, link_id, source, campaign, country, in_hour,
           true AS before, NOT is_replaced AS after
    FROM stored
    UNION ALL
    SELECT user_ref, event, partner_id, link_id, source, campaign, country, true, false, true
    FROM slice_events
), counts AS (
    SELECT
        user_ref, split.*, bool_or(before AND in_hour) AS hour_before,
        bool_or(after AND in_hour) AS hour_after, bool_or(before) AS before, bool_or(after) AS after
    FROM did CROSS JOIN LATERAL (VALUES
        ('none', event, 0::bigint, 0::bigint, '', '', ''),
        ('none', '', 0, 0, '', '', ''),
        ('partner', event, partner_id, 0, source, '', ''),
        ('partner', '', partner_id, 0, source, '', ''),
        ('link', event, partner_id, link_id, source, '', ''),
        ('link', '', partner_id, link_id, source, '', ''),
        ('campaign', event, partner_id, 0, source, campaign, ''),
        ('campaign', '', partner_id, 0, source, campaign, ''),
        ('country', event, 0, 0, '', '', country),
        ('country', '', 0, 0, '', '', country)
    ) AS split (split, event, partner_id, link_id, source, campaign, country)
    GROUP BY user_ref, split.split, split.event, split.partner_id, split.link_id, split.source,
             split.campaign, split.country
), changes AS MATERIALIZED (
    SELECT
        grain, CASE grain WHEN 'hour' THEN %(start)s ELSE %(day_start)s END AS start,
        split, event, partner_id, link_id, source, campaign, country, users
    FROM (
        SELECT
            split, event, partner_id, link_id, source, campaign, country,
            count(*) FILTER (WHERE hour_after) - count(*) FILTER (WHERE hour_before) AS in_hour,
            count(*) FILTER (WHERE after) - count(*) FILTER (WHERE before) AS in_day
        FROM counts
        GROUP BY split, event, partner_id, link_id, source, campaign, country
    ) AS both_grains CROSS JOIN LATERAL (
        VALUES ('hour', in_hour), ('day', in_day)
    ) AS each (grain, users)
    WHERE users <> 0
), replaced AS (
    DELETE FROM reach
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND building = %(building)s
      AND (grain = 'hour' AND start = %(start)s OR grain = 'day' AND start = %(day_start)s)
      AND (grain, split, event, partner_id, link_id, source, campaign, country) IN (
          SELECT grain, split, event, partner_id, link_id, source, campaign, country FROM changes
      )
    RETURNING grain, start, split, event, partner_id, link_id, source, campaign, country, users
), gone AS (
    DELETE FROM day_events WHERE ctid = ANY(ARRAY(
        SELECT place FROM stored
        WHERE is_replaced AND NOT EXISTS (
            SELECT FROM slice_events AS kept
            WHERE slot = %(slot)s AND kept.user_ref = stored.user_ref
              AND kept.event = stored.event AND kept.link_id = stored.link_id
              AND kept.partner_id = stored.partner_id AND kept.source = stored.source
              AND kept.campaign = stored.campaign AND kept.country = stored.country
        )
    ))
), added AS (
    INSERT INTO day_events (
        day_id, slot, user_ref, event, partner_id, link_id, source, campaign, country
    )
    SELECT %(day_id)s, %(slot)s, fresh.* FROM (
        SELECT user_ref, event, partner_id, link_id, source, campaign, country FROM slice_events
        EXCEPT
        SELECT user_ref, event, partner_id, link_id, source, campaign, country FROM stored
        WHERE slot = %(slot)s
    ) AS fresh
)
INSERT INTO reach (
    app_id, environment, grain, start, split, event, partner_id, link_id, source, campaign, country,
    users, building
)
SELECT
    %(app_id)s, %(environment)s, grain, start, split, event, partner_id, link_id, source, campaign,
    country, sum(users), %(building)s
FROM (SELECT * FROM replaced UNION ALL SELECT * FROM changes) AS rows
GROUP BY grain, start, split, event, partner_id, link_id, source, campaign, country
HAVING sum(users) <> 0
