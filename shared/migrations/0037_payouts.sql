-- An endpoint may want only what its partner is paid for, by the prices of links.
ALTER TABLE callback_endpoints ADD COLUMN IF NOT EXISTS payout_only boolean NOT NULL DEFAULT false;
