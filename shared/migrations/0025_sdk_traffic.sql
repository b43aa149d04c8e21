-- SDKs send from devices, where an app allows it: by public tokens of their own, and by app token.
ALTER TABLE apps ADD COLUMN sdk_traffic boolean NOT NULL DEFAULT false;
ALTER TABLE tokens ADD COLUMN sdk boolean NOT NULL DEFAULT false;
ALTER TABLE events ADD COLUMN sdk text;
