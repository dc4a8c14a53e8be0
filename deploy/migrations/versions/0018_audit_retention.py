"""The audit trail may be forgotten after its time, and is changed in no other way"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Rows go one by one past this trigger, and only where `prune_audit` deletes them.
_STAY = """
CREATE FUNCTION refuse_deletion_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transcripts.prune_audit', true) IS DISTINCT FROM 'on'
            OR OLD.at > now() - interval '30 days' THEN
        RAISE EXCEPTION 'the audit trail is added to, never changed';
    END IF;
    RETURN OLD;
END $$
"""
# It runs as its owner, so that the services' own role needs no right to delete. Ids are in order of time: the oldest
# rows are found by them.
_PRUNE = """
CREATE FUNCTION prune_audit(keep_days int, at_most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    pruned int;
BEGIN
    IF keep_days < 30 THEN
        RAISE EXCEPTION 'the audit trail is kept for 30 days at least';
    END IF;
    PERFORM set_config('transcripts.prune_audit', 'on', true);
    DELETE FROM audit_event WHERE id IN (
        SELECT id FROM (SELECT id, at FROM audit_event ORDER BY id LIMIT at_most) oldest
        WHERE at < now() - make_interval(days => keep_days)
    );
    GET DIAGNOSTICS pruned = ROW_COUNT;
    PERFORM set_config('transcripts.prune_audit', 'off', true);
    RETURN pruned;
END $$
"""
_APPEND_ONLY = "CREATE TRIGGER audit_is_append_only BEFORE {} ON audit_event FOR EACH STATEMENT"


def upgrade() -> None:
    """Apply."""
    op.execute(_STAY)
    op.execute(_PRUNE)
    op.execute("DROP TRIGGER audit_is_append_only ON audit_event")
    op.execute(f"{_APPEND_ONLY.format('UPDATE OR TRUNCATE')} EXECUTE FUNCTION refuse_change_of_audit()")
    op.execute(
        "CREATE TRIGGER audit_rows_stay BEFORE DELETE ON audit_event"
        " FOR EACH ROW EXECUTE FUNCTION refuse_deletion_of_audit()"
    )


def downgrade() -> None:
    """Undo."""
    op.execute("DROP TRIGGER audit_rows_stay ON audit_event")
    op.execute("DROP TRIGGER audit_is_append_only ON audit_event")
    op.execute(
        f"{_APPEND_ONLY.format('UPDATE OR DELETE OR TRUNCATE')} EXECUTE FUNCTION refuse_change_of_audit()"
    )
    op.execute("DROP FUNCTION prune_audit(int, int)")
    op.execute("DROP FUNCTION refuse_deletion_of_audit()")
