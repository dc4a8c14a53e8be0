-- Who may do what in the database of Coaching Transcripts. Run it as the database's administrator, in that database:
-- before the first migration, and again after each upgrade (it grants what is new; nothing else changes):
--
--   psql "$ADMIN_URL" --single-transaction -v ON_ERROR_STOP=1 -f deploy/postgres/roles.sql
--
-- It sets no passwords. Once, by hand, so that they are in no file: \password transcripts_migrator, and so on.
--
--   transcripts_migrator  owns schema and tables: DATABASE_URL of `python -m deploy.migrations`, and of nothing else
--   transcripts_app       reads and writes rows: DATABASE_URL of the API and of the workers
--   transcripts_reader    reads what dashboards need, and nothing that a person said, sent or named

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['transcripts_migrator', 'transcripts_app', 'transcripts_reader'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', name);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END $$;

-- An administrator that is no superuser may give things to a role only as its member.
GRANT transcripts_migrator TO CURRENT_USER;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO transcripts_migrator;
GRANT USAGE ON SCHEMA public TO transcripts_app, transcripts_reader;

-- What another role made before becomes the migrator's.
DO $$
DECLARE
    thing record;
BEGIN
    FOR thing IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') LOOP
        EXECUTE format('ALTER TABLE public.%I OWNER TO transcripts_migrator', thing.relname);
    END LOOP;
    FOR thing IN SELECT oid::regprocedure AS signature FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e') LOOP
        EXECUTE format('ALTER ROUTINE %s OWNER TO transcripts_migrator', thing.signature);
    END LOOP;
END $$;

-- Rows, not tables: also of tables that later migrations make.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO transcripts_app;
ALTER DEFAULT PRIVILEGES FOR ROLE transcripts_migrator IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO transcripts_app;

-- Functions of ours act with their owner's rights: the services may call them, and nobody else.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO transcripts_app;
ALTER DEFAULT PRIVILEGES FOR ROLE transcripts_migrator REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE transcripts_migrator IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO transcripts_app;

-- The audit trail is added to; the revision of the schema is the migrations' to write.
DO $$
BEGIN
    IF to_regclass('public.audit_event') IS NOT NULL THEN
        REVOKE UPDATE, DELETE ON public.audit_event FROM transcripts_app;
    END IF;
    IF to_regclass('public.alembic_version') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON public.alembic_version FROM transcripts_app;
    END IF;
END $$;

-- Dashboards: columns by name, so that a new table or column is closed until somebody has thought about it.
ALTER ROLE transcripts_reader SET default_transaction_read_only = on;
ALTER ROLE transcripts_reader SET statement_timeout = '15s';
DO $$
DECLARE
    open record;
BEGIN
    FOR open IN SELECT * FROM (VALUES
        ('alembic_version', 'version_num'),
        ('budget', 'tenant_id, micro_dollars_per_month, updated_at'),
        ('job', 'id, session_id, tenant_id, status, attempt, failures, priority, engine, model, language, speakers, '
            'diarization, processing, progress, audio_ms_done, fallback_engine, error, worker, lane, request_id, traceparent, retry_of, next_attempt_at, '
            'created_at, queued_at, place, rung_at, started_at, finished_at, updated_at'),
        ('job_event', 'n, job_id, attempt, what, detail, at'),
        ('operation', 'job_id, attempt, tenant_id, engine, model, audio_ms, expected_micro_dollars, outcome, created_at, '
            'closed_at'),
        ('processing_status', 'session_id, job_id, phase, progress, audio_ms_done, updated_at'),
        ('queue_pause', 'alone, reason, paused_at'),
        ('session', 'id, tenant_id, language, status, transcription_job_id, audio_container, audio_size, duration_ms, '
            'delete_after, created_at, updated_at'),
        ('usage', 'job_id, attempt, session_id, tenant_id, engine, model, audio_ms, billed_ms, micro_dollars, estimated, '
            'created_at'),
        ('webhook_delivery', 'id, tenant_id, event, status, attempts, next_attempt_at, created_at, finished_at'),
        ('worker', 'id, host, pid, version, max_jobs, running, draining, engines, lane, tasks, drain_requested, started_at, '
            'seen_at, stopped_at')
    ) AS opened (name, columns) LOOP
        IF to_regclass(format('public.%I', open.name)) IS NOT NULL THEN
            EXECUTE format('GRANT SELECT (%s) ON public.%I TO transcripts_reader', open.columns, open.name);
        END IF;
    END LOOP;
END $$;
