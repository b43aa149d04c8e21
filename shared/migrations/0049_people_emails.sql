-- concurrently
CREATE UNIQUE INDEX CONCURRENTLY people_email ON people (lower(email));
