"""What a migration must not do while older code runs and people work: rules over its SQL, applied by a test to all.

A migration expands: it adds what older code does not see. What nothing reads any more is taken away by a later one,
which says so in `contracts = "since <revision>: why"`. docs/migrations.md has each rule's way round.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import ModuleType
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from deploy.migrations import config


class Rule(StrEnum):
    """What is wrong, and the way round it."""

    REMOVES = "removes or renames what older code uses: add beside it, and remove it in a migration with `contracts`"
    RETYPES = "changes a column's type, which rewrites the table: add a column, write both, move readers over"
    NOT_NULL = (
        "adds NOT NULL without a default, so that older code cannot write: give it one, or leave it nullable"
    )
    SETS_NOT_NULL = (
        "reads the whole table under a lock: add CHECK (x IS NOT NULL) NOT VALID, and VALIDATE it later"
    )
    REWRITES = (
        "has a default that is computed for every row, which rewrites the table: add the column without it"
    )
    CHECKS = "checks the whole table under a lock: add the constraint NOT VALID, and VALIDATE it in a later migration"
    UNIQUE = (
        "builds an index under a lock: build_index(..., unique=True), then ADD CONSTRAINT ... USING INDEX"
    )
    INDEX = "builds an index while nobody can write: use deploy.migrations.online.build_index"
    IN_TRANSACTION = "cannot run inside a transaction: use deploy.migrations.online.build_index"
    BACKFILL = "changes rows that are there, in one transaction: let the workers' sweep do it in small parts"
    LOCKS = "locks or rewrites a whole table"


@dataclass(frozen=True, slots=True)
class Violation:
    """A statement that a rule forbids."""

    revision: str
    rule: Rule
    statement: str

    def __str__(self) -> str:
        return f"{self.revision}: {' '.join(self.statement.split())[:100]}\n    {self.rule}"


_BEFORE_RELEASE: Final = {
    "0002": frozenset({Rule.INDEX, Rule.BACKFILL}),
    "0005": frozenset({Rule.INDEX}),
    "0008": frozenset({Rule.INDEX}),
    "0017": frozenset({Rule.INDEX, Rule.REMOVES}),  # an index that another takes the place of
    "0020": frozenset({Rule.INDEX, Rule.BACKFILL}),
}
"""Ran before the first release, on tables without rows; what stands in a released migration is never changed."""

_REMOVES: Final = re.compile(
    r"\bDROP (TABLE|COLUMN|VIEW|SCHEMA|FUNCTION|TYPE|SEQUENCE|CONSTRAINT|INDEX(?! CONCURRENTLY IF EXISTS))\b"
    r"|\bRENAME\b|\bTRUNCATE TABLE\b|^TRUNCATE\b",
    re.I,
)
_TABLE_RULES: Final = (
    (Rule.RETYPES, re.compile(r"\bALTER COLUMN \S+ (SET DATA )?TYPE\b", re.I)),
    (Rule.SETS_NOT_NULL, re.compile(r"\bALTER COLUMN \S+ SET NOT NULL\b", re.I)),
    (Rule.NOT_NULL, re.compile(r"\bADD COLUMN (?!.*\bDEFAULT\b).*\bNOT NULL\b", re.I | re.S)),
    (
        Rule.REWRITES,
        re.compile(
            r"\bADD COLUMN .*(\bGENERATED\b|DEFAULT \(?(gen_random|uuid|random|clock_timestamp|nextval))",
            re.I,
        ),
    ),
    (Rule.CHECKS, re.compile(r"\bADD (CONSTRAINT \S+ )?(CHECK|FOREIGN KEY)(?!.*\bNOT VALID\b)", re.I | re.S)),
    (
        Rule.UNIQUE,
        re.compile(r"\bADD (CONSTRAINT \S+ )?(UNIQUE|PRIMARY KEY|EXCLUDE)(?! USING INDEX\b)", re.I),
    ),
)
_INDEX: Final = re.compile(
    r"^CREATE (?:UNIQUE )?INDEX (?P<later>CONCURRENTLY )?.*?\bON (?:ONLY )?(?P<table>[\w.\"]+)", re.I | re.S
)
_CREATES: Final = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(?P<table>[\w.\"]+)", re.I)
_ALTERS: Final = re.compile(r"^ALTER TABLE (?:IF EXISTS )?(?:ONLY )?(?P<table>[\w.\"]+)", re.I)
_FILLS: Final = re.compile(
    r"^(?:WITH\b.*?\b)?(?:UPDATE|DELETE FROM)\s+(?:ONLY )?(?P<table>[\w.\"]+)", re.I | re.S
)
_LOCKS: Final = re.compile(r"^(LOCK|CLUSTER|VACUUM FULL|REINDEX (?!.*CONCURRENTLY))", re.I)


def check() -> list[Violation]:
    """What the migrations of this folder do against the rules."""
    scripts = reversed(list(ScriptDirectory.from_config(config()).walk_revisions()))
    return [
        found
        for script in scripts
        for found in violations(
            script.revision, statements_of(script.module), contracts=getattr(script.module, "contracts", "")
        )
    ]


def statements_of(upgrade: ModuleType) -> list[str]:
    """The SQL of a migration's upgrade, as Alembic writes it without a database."""
    written = io.StringIO()
    options = {"as_sql": True, "output_buffer": written, "transactional_ddl": True}
    with Operations.context(MigrationContext.configure(dialect_name="postgresql", opts=options)):
        upgrade.upgrade()
    found, open_body = [""], False
    for part in re.split(r";\s*\n", written.getvalue()):
        found[-1] += part
        open_body ^= part.count("$$") % 2 == 1  # a function's body has statements of its own
        if open_body:
            found[-1] += ";\n"
        else:
            found.append("")
    return [statement.strip() for statement in found if statement.strip()]


def violations(revision: str, statements: list[str], *, contracts: str = "") -> list[Violation]:
    """What the rules forbid of these statements; `contracts` says why something may go now."""
    accepted = _BEFORE_RELEASE.get(revision, frozenset())
    new: set[str] = set()
    found = []
    in_transaction = True
    for statement in statements:
        if statement.upper() in {"BEGIN", "COMMIT"}:
            in_transaction = statement.upper() == "BEGIN"
        if created := _CREATES.match(statement):
            new.add(created["table"])
        found += [
            Violation(revision, rule, statement)
            for rule in _broken(statement, new, in_transaction=in_transaction)
            if rule not in accepted and not (contracts and rule is Rule.REMOVES)
        ]
    return found


def _broken(statement: str, new: set[str], *, in_transaction: bool) -> Iterator[Rule]:
    """The rules that a statement breaks; tables of this migration are `new`, and nobody uses them yet."""
    if re.match(r"CREATE (OR REPLACE )?FUNCTION", statement, re.I):
        return
    if _LOCKS.match(statement):
        yield Rule.LOCKS
    if index := _INDEX.match(statement):
        if not index["later"] and index["table"] not in new:
            yield Rule.INDEX
        elif index["later"] and in_transaction:
            yield Rule.IN_TRANSACTION
    if (fills := _FILLS.match(statement)) and fills["table"] not in new:
        yield Rule.BACKFILL
    alters = _ALTERS.match(statement)
    if alters and alters["table"] in new:
        return
    if _REMOVES.search(statement) and not statement.upper().startswith("CREATE"):
        yield Rule.REMOVES
    if alters:
        yield from (rule for rule, pattern in _TABLE_RULES if pattern.search(statement))
