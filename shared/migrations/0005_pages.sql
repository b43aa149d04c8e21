-- An event type claims the events that came before it was made (workers.facts.backfill_event_types).
ALTER TABLE event_types ADD COLUMN claimed boolean NOT NULL DEFAULT false;

CREATE INDEX events_unmapped ON events (app_id, event_id, environment, event_time) WHERE unmapped;

-- From a click to whom it brought.
CREATE INDEX attributions_click ON attributions (click_id) WHERE click_id IS NOT NULL;
