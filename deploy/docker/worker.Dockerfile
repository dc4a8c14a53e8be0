# The worker, of three kinds:
#   docker build -f deploy/docker/worker.Dockerfile .                     google: speech by Google Speech-to-Text
#   docker build -f deploy/docker/worker.Dockerfile --target cloudrun .   the same, which answers health checks on $PORT
#   docker build -f deploy/docker/worker.Dockerfile --target local .      computes the speech itself, models included
ARG PYTHON=3.13-slim-trixie

# uv, and what writes the bill of materials: the same lines in all Dockerfiles here, so made once for all.
FROM python:${PYTHON} AS tools
WORKDIR /build
COPY requirements/uv.txt requirements/sbom.txt ./
RUN pip install --no-cache-dir --require-hashes -r uv.txt \
 && python -m venv --without-pip /opt/sbom \
 && uv pip install --system-certs --no-cache --python /opt/sbom/bin/python --require-hashes -r sbom.txt \
 && python -m venv --without-pip /opt/venv

FROM tools AS google-packages
COPY requirements/worker.txt ./
RUN uv pip install --system-certs --no-cache --compile-bytecode --python /opt/venv/bin/python --require-hashes -r worker.txt \
 && /opt/sbom/bin/cyclonedx-py environment --output-reproducible -o /opt/venv/sbom.cdx.json /opt/venv/bin/python

FROM tools AS local-packages
COPY requirements/speech.txt ./
RUN uv pip install --system-certs --no-cache --compile-bytecode --python /opt/venv/bin/python --require-hashes -r speech.txt \
 && /opt/sbom/bin/cyclonedx-py environment --output-reproducible -o /opt/venv/sbom.cdx.json /opt/venv/bin/python

# What the installer imports and no more: a change elsewhere does not fetch the models again.
FROM local-packages AS models
COPY shared/__init__.py shared/errors.py shared/
COPY worker_service/__init__.py worker_service/
COPY worker_service/engines/__init__.py worker_service/engines/
COPY worker_service/engines/local/__init__.py worker_service/engines/local/weights.py worker_service/engines/local/
COPY deploy/__init__.py deploy/
COPY deploy/local/__init__.py deploy/local/models.py deploy/local/weights*.txt deploy/local/
RUN /opt/venv/bin/python -m deploy.local.models --models-dir /models

# Installed rather than copied: engines are found by the entry points of packages, ours too.
FROM tools AS service
COPY pyproject.toml README.md LICENSE ./
COPY shared/ shared/
COPY worker_service/ worker_service/
RUN pip install --no-cache-dir --no-index --no-deps --no-build-isolation --target /app .

FROM python:${PYTHON} AS worker
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# The folder is for file:///data/objects: a volume that is mounted there takes its owner.
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent transcripts \
 && install -d -m 0700 -o 10001 -g 10001 /data/objects
WORKDIR /app
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-m", "worker_service.probe"]
CMD ["python", "-m", "worker_service"]

# What changes most comes last: a new version is a layer of a few megabytes.
FROM worker AS local
COPY --from=local-packages /opt/venv /opt/venv
COPY --from=models /models /models
COPY --from=service /app /app
ENV TRANSCRIPTS_ENGINES=local \
    TRANSCRIPTS_MODELS_DIR=/models

FROM worker AS google
COPY --from=google-packages /opt/venv /opt/venv
COPY --from=service /app /app
ENV TRANSCRIPTS_ENGINES=google

FROM google AS cloudrun
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --retries=3 CMD ["python", "-m", "worker_service.probe", "--as-web-service"]
CMD ["python", "-m", "worker_service", "--as-web-service"]

# What is built where no target is named.
FROM google
