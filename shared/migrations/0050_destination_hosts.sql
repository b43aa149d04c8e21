-- The hosts and schemes of apps that links may lead to. The schemes that links have stay allowed.
ALTER TABLE apps ADD COLUMN destination_hosts text[] NOT NULL DEFAULT '{}';

UPDATE apps SET destination_hosts = ARRAY(
    SELECT DISTINCT lower(split_part(led.destination, '://', 1)) || '://'
    FROM (
        SELECT destination FROM links WHERE links.app_id = apps.id
        UNION ALL
        SELECT apps.destination WHERE apps.destination IS NOT NULL
    ) AS led
    WHERE lower(split_part(led.destination, '://', 1))
        NOT IN ('https', 'market', 'itms-apps', 'itms-appss')
    ORDER BY 1
);
