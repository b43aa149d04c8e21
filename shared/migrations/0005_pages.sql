-- A new event type backfills earlier events (workers.facts.backfill_event_types).
ALTER TABLE event_types ADD COLUMN claimed boolean NOT NULL DEFAULT false;

CREATE INDEX events_unmapped ON events (app_id, event_id, environment, event_time) WHERE unmapped;

-- Serves the lookup of the users that are attributed to a click.
CREATE INDEX attributions_click ON attributions (click_id) WHERE click_id IS NOT NULL;
