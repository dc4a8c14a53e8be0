"""No migration stops people who work, nor the code that was there before it."""

from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op

from deploy.migrations.__main__ import main
from deploy.migrations.online import build_index
from deploy.migrations.rules import Rule, check, statements_of, violations


def rules(*statements: str, contracts: str = "") -> set[Rule]:
    return {each.rule for each in violations("9999", list(statements), contracts=contracts)}


def test_every_migration_keeps_the_rules() -> None:
    assert "\n".join(map(str, check())) == "", "docs/migrations.md has the ways round"
    assert main(["check"]) == 0


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        (Rule.REMOVES, "DROP TABLE job"),
        (Rule.REMOVES, "ALTER TABLE job DROP COLUMN model"),
        (Rule.REMOVES, "ALTER TABLE job DROP CONSTRAINT status_known"),
        (Rule.REMOVES, "ALTER TABLE job RENAME COLUMN model TO name"),
        (Rule.REMOVES, "ALTER TABLE job RENAME TO jobs"),
        (Rule.REMOVES, "DROP INDEX job_waiting"),
        (Rule.REMOVES, "TRUNCATE job"),
        (Rule.RETYPES, "ALTER TABLE job ALTER COLUMN attempt TYPE BIGINT"),
        (Rule.SETS_NOT_NULL, "ALTER TABLE job ALTER COLUMN model SET NOT NULL"),
        (Rule.NOT_NULL, "ALTER TABLE job ADD COLUMN a TEXT NOT NULL"),
        (Rule.REWRITES, "ALTER TABLE job ADD COLUMN a UUID DEFAULT gen_random_uuid() NOT NULL"),
        (Rule.REWRITES, "ALTER TABLE job ADD COLUMN a TEXT GENERATED ALWAYS AS (upper(model)) STORED"),
        (Rule.CHECKS, "ALTER TABLE job ADD CONSTRAINT a CHECK (attempt > 0)"),
        (Rule.CHECKS, "ALTER TABLE job ADD FOREIGN KEY(a) REFERENCES session (id)"),
        (Rule.UNIQUE, "ALTER TABLE job ADD CONSTRAINT a UNIQUE (model)"),
        (Rule.INDEX, "CREATE INDEX a ON job (model)"),
        (Rule.INDEX, "CREATE UNIQUE INDEX a ON job USING btree (model)"),
        (Rule.IN_TRANSACTION, "CREATE INDEX CONCURRENTLY a ON job (model)"),
        (Rule.BACKFILL, "UPDATE job SET model = 'a'"),
        (Rule.BACKFILL, "DELETE FROM job WHERE model IS NULL"),
        (Rule.BACKFILL, "WITH a AS (SELECT 1) UPDATE job SET model = 'a'"),
        (Rule.LOCKS, "LOCK TABLE job"),
    ],
)
def test_what_stops_others_is_refused(rule: Rule, statement: str) -> None:
    assert rules(statement) == {rule}


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE job ADD COLUMN a TEXT",
        "ALTER TABLE job ADD COLUMN a TEXT DEFAULT 'b' NOT NULL",
        "ALTER TABLE job ADD COLUMN a TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL",
        "ALTER TABLE job ALTER COLUMN model DROP NOT NULL",
        "ALTER TABLE job ADD CONSTRAINT a CHECK (model IS NOT NULL) NOT VALID",
        "ALTER TABLE job VALIDATE CONSTRAINT a",
        "ALTER TABLE job ADD CONSTRAINT a UNIQUE USING INDEX a",
        "CREATE TABLE a (b UUID NOT NULL, FOREIGN KEY(b) REFERENCES job (id) ON DELETE CASCADE)",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM job; END $$",
        "CREATE TRIGGER t BEFORE UPDATE OR DELETE OR TRUNCATE ON job EXECUTE FUNCTION f()",
        "INSERT INTO queue_pause (reason) VALUES ('a')",
    ],
)
def test_what_only_adds_is_not(statement: str) -> None:
    assert rules(statement) == set()


def test_a_table_of_the_same_migration_is_nobody_s_yet() -> None:
    made = "CREATE TABLE a (\n    b TEXT\n)"
    assert (
        rules(made, "CREATE INDEX i ON a (b)", "ALTER TABLE a ADD CHECK (b > '')", "UPDATE a SET b = 'c'")
        == set()
    )
    assert rules("CREATE INDEX i ON a (b)", made) == {Rule.INDEX}


def test_what_nothing_reads_any_more_may_go_when_the_migration_says_so() -> None:
    gone = "ALTER TABLE job DROP COLUMN model"
    assert rules(gone, contracts="since 0020: nothing has read it") == set()
    assert rules("UPDATE job SET model = 'a'", contracts="since 0020") == {Rule.BACKFILL}


def test_the_body_of_a_function_is_no_statement_of_the_migration() -> None:
    body = "CREATE FUNCTION f() RETURNS trigger AS $$\nBEGIN\n    DELETE FROM job;\n    RETURN OLD;\nEND $$"

    def migrate() -> None:
        op.execute(body)
        op.execute("SELECT 1")

    migration: Any = SimpleNamespace(upgrade=migrate)
    assert statements_of(migration) == [body, "SELECT 1"]
    assert rules(*statements_of(migration)) == set()


def test_an_index_is_built_while_people_write() -> None:
    """What `build_index` writes is what the rules ask for."""

    def migrate() -> None:
        op.add_column("job", sa.Column("a", sa.Text()))
        build_index("job_by_a", "job", ["a"], where="a IS NOT NULL")

    migration: Any = SimpleNamespace(upgrade=migrate)
    written = statements_of(migration)
    assert rules(*written) == set()
    assert written[1:5:3] == ["COMMIT", 'DROP INDEX CONCURRENTLY IF EXISTS "job_by_a"']
    assert "CREATE INDEX CONCURRENTLY job_by_a ON job USING btree (a) WHERE a IS NOT NULL" in written
    assert written[-1] == "BEGIN"
