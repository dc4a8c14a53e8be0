# The API, the migrations and a worker for Google together: docker build -f deploy/docker/combined.Dockerfile .
# For one small machine; otherwise deploy the two apart.
ARG PYTHON=3.13-slim-trixie

# uv, and what writes the bill of materials: the same lines in all Dockerfiles here, so made once for all.
FROM python:${PYTHON} AS tools
WORKDIR /build
COPY requirements/uv.txt requirements/sbom.txt ./
RUN pip install --no-cache-dir --require-hashes -r uv.txt \
 && python -m venv --without-pip /opt/sbom \
 && uv pip install --system-certs --no-cache --python /opt/sbom/bin/python --require-hashes -r sbom.txt \
 && python -m venv --without-pip /opt/venv

FROM tools AS packages
COPY requirements/api.txt requirements/worker.txt ./
RUN uv pip install --system-certs --no-cache --compile-bytecode --python /opt/venv/bin/python --require-hashes -r api.txt -r worker.txt \
 && /opt/sbom/bin/cyclonedx-py environment --output-reproducible -o /opt/venv/sbom.cdx.json /opt/venv/bin/python

# Installed rather than copied: engines are found by the entry points of packages, ours too.
FROM tools AS service
COPY pyproject.toml README.md LICENSE ./
COPY shared/ shared/
COPY deploy/__init__.py deploy/
COPY deploy/migrations/ deploy/migrations/
COPY deploy/combined/ deploy/combined/
COPY api_service/ api_service/
COPY worker_service/ worker_service/
RUN pip install --no-cache-dir --no-index --no-deps --no-build-isolation --target /app .

FROM python:${PYTHON}
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TRANSCRIPTS_HOST=0.0.0.0 \
    TRANSCRIPTS_ENGINES=google \
    TRANSCRIPTS_DEFAULT_ENGINE=google
# The folder is for file:///data/objects: a volume that is mounted there takes its owner.
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent transcripts \
 && install -d -m 0700 -o 10001 -g 10001 /data/objects
COPY --from=packages /opt/venv /opt/venv
COPY --from=service /app /app
WORKDIR /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=15s --start-period=60s --retries=3 CMD ["python", "-m", "deploy.combined.probe"]
CMD ["python", "-m", "deploy.combined"]
