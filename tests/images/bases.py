"""Stand-ins for the images that ours are based on, made from Debian's packages: no registry of images is asked.

`python:3.13-slim-trixie` is Debian trixie with a Python 3.13 of its own making; the stand-in has Debian's. Postgres
and Redis are Debian's, too, under the names that the compose file gives them.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.images.podman import Podman

SUITE: Final = "trixie"
KEYS: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
TRUSTED: Final = Path("/etc/ssl/certs/ca-certificates.crt")
PYTHON: Final = "python:3.13-slim-trixie"
REDIS: Final = "redis:7.4-bookworm"
POSTGRES: Final = "postgres:17-bookworm"
_LABEL: Final = "transcripts.recipe"

_PYTHON: Final = """\
FROM scratch
ADD python.tar /
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
RUN ln -s python3 /usr/bin/python && rm /usr/lib/python3*/EXTERNALLY-MANAGED
"""
_REDIS: Final = """\
FROM scratch
ADD servers.tar /
COPY entrypoint.sh /usr/local/bin/docker-entrypoint.sh
RUN install -d -o redis -g redis /data
USER redis
WORKDIR /data
VOLUME /data
"""
_POSTGRES: Final = """\
FROM scratch
ADD servers.tar /
COPY postgres.sh /postgres.sh
ENV PATH=/usr/lib/postgresql/17/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data
RUN install -d -m 0700 -o postgres -g postgres /var/lib/postgresql/data /var/run/postgresql
USER postgres
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["sh", "/postgres.sh"]
"""
_POSTGRES_SH: Final = """\
set -eu
if [ $# -gt 0 ]; then exec "$@"; fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "$POSTGRES_PASSWORD" > /tmp/password
  initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 --auth-local=trust >/dev/null
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  pg_ctl --wait --options='-c listen_addresses=' start >/dev/null
  createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl --wait stop >/dev/null
fi
exec postgres -c listen_addresses='*'
"""
_ENTRYPOINT: Final = """\
#!/bin/sh
exec "$@"
"""


def make(podman: Podman) -> None:
    """Make the stand-ins that are not there yet."""
    folder = podman.folder / "bases"
    folder.mkdir(exist_ok=True)
    shutil.copy(TRUSTED, folder / "ca-certificates.crt")
    (folder / "postgres.sh").write_text(_POSTGRES_SH)
    (folder / "entrypoint.sh").write_text(_ENTRYPOINT)
    (folder / "entrypoint.sh").chmod(0o755)
    wanted = (
        (PYTHON, _PYTHON, "python.tar", "ca-certificates,netbase,tzdata,python3,python3-venv,python3-pip"),
        (REDIS, _REDIS, "servers.tar", "redis-server,postgresql-17"),
        (POSTGRES, _POSTGRES, "servers.tar", "redis-server,postgresql-17"),
    )
    for image, recipe, tar, packages in wanted:
        made_of = hashlib.sha256((recipe + _POSTGRES_SH + _ENTRYPOINT + packages).encode()).hexdigest()
        if _is_made_of(podman, image, made_of):
            continue
        if not (folder / tar).exists():
            _unpack(folder / tar, packages)
        (folder / "Dockerfile").write_text(recipe)
        podman.build(
            "buildah", "build", "--isolation", "chroot", "--format", "docker", "--label", f"{_LABEL}={made_of}",
            "--tag", image, str(folder),
        )  # fmt: skip


def _is_made_of(podman: Podman, image: str, recipe: str) -> bool:
    if podman.run("image", "exists", f"localhost/{image}").returncode != 0:
        return False
    labels = podman.image(f"localhost/{image}")["Config"].get("Labels") or {}
    return bool(labels.get(_LABEL) == recipe)


def _unpack(tar: Path, packages: str) -> None:
    """A Debian with these packages, from the mirror that this machine takes its own from."""
    listed = subprocess.run(
        [
            "apt-get", "indextargets", "--format", "$(REPO_URI)",
            "Created-By: Packages", "Origin: Debian", "Label: Debian",
        ],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert listed, "no mirror of Debian is known here: run apt-get update"
    half = tar.with_suffix(".half.tar")
    done = subprocess.run(
        [
            "mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}",
            "--aptopt=APT::Install-Recommends false",
            SUITE, str(half), f"deb [signed-by={KEYS}] {listed[0]} {SUITE} main",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    half.rename(tar)
