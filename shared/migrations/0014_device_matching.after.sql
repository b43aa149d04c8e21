-- Only the version before looks clicks up by equal descriptions of their devices.
DROP INDEX clicks_sighting;
DROP INDEX clicks_lending;
