-- The passwords of the roles that migrate and serve, from the environment of psql (14 or newer); run behind roles.sql:
--
--   MIGRATOR_PASSWORD=… APP_PASSWORD=… psql "$ADMIN_URL" … -f deploy/postgres/roles.sql -f deploy/postgres/passwords.sql
--
-- For where nobody sits at a terminal, as in docker-compose.yml. Elsewhere \password sends no password in the clear.
\getenv migrator MIGRATOR_PASSWORD
\getenv app APP_PASSWORD
ALTER ROLE transcripts_migrator PASSWORD :'migrator';
ALTER ROLE transcripts_app PASSWORD :'app';
