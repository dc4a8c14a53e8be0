# Everything that is done with this repository, by people and by CI alike. `make` lists it.
.DEFAULT_GOAL := help
BIN := .venv/bin
# What Python compiles is kept, whatever the machine says: the tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE =
ARGS ?=
ENGINE ?=
PYTHONS = $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14)
PYTEST = $(BIN)/pytest -n auto --maxprocesses 6 --dist worksteal
BROWSER = $(PYTEST) --maxprocesses 2 --dist loadfile -m browser
COVERAGE = --cov --cov-report=term:skip-covered
LOCK = $(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes --no-annotate \
  --custom-compile-command "make lock" $(ARGS)

# The environment with a set of packages: made where it is missing, mended where a lock has changed, else left alone.
define environment
@for python in $(PYTHONS); do \
  "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null \
    && exec "$$python" deploy/local/environment.py $(1); \
done; \
echo 'Python 3.11, 3.12, 3.13 or 3.14 is needed, and none of these is one: $(PYTHONS). With one elsewhere:' >&2; \
echo '  PYTHON=/path/to/python make $(MAKECMDGOALS)' >&2; \
exit 1
endef

# Settings come from the environment or .env; where neither is there, from the servers that `make servers` has started.
define with_settings
@env="$${TRANSCRIPTS_HOME:-.local}/env"; unset TRANSCRIPTS_HOME; \
if [ -z "$$DATABASE_URL" ] && [ ! -e .env ] && [ -e "$$env" ]; then . "$$env"; fi; exec
endef

# ENGINE=google-fake: a server of ours that speaks Google's protocols; nothing leaves this machine, nothing is paid.
engine = $(if $(ENGINE),--engine $(ENGINE:google-fake=google))
beside_google_fake = $(if $(filter google-fake,$(ENGINE)),$(BIN)/python -m tests.fakes.google --state .local/google-fake \
  --bucket transcripts --recordings deploy/local/recordings --)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^## / {print "\n" substr($$0, 4)} /^[a-z-]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' Makefile

## Run it
.PHONY: demo up servers status stop
demo: local ## transcribe a bundled recording and print the transcript (FILE=session.m4a: yours; ENGINE=google, google-fake)
	@exec $(beside_google_fake) $(BIN)/python -m deploy.local demo $(engine) $(ARGS) $(FILE)

up: local ## Postgres, Redis, API and worker in the foreground; Ctrl-C stops all
	@exec $(beside_google_fake) $(BIN)/python -m deploy.local up $(engine) $(ARGS)

servers: local ## Postgres and Redis alone, for run-api and run-worker in other terminals
	@exec $(BIN)/python -m deploy.local servers $(ARGS)

status: local ## what runs
	@exec $(BIN)/python -m deploy.local status $(ARGS)

stop: local ## stop what `make up` or `make servers` has started
	@exec $(BIN)/python -m deploy.local stop $(ARGS)

.PHONY: run-api run-worker run-worker-debug migrate models doctor verify-google check-workers
run-api: local ## the API by itself
	$(with_settings) $(BIN)/python -m api_service $(ARGS)

run-worker: weights ## a worker by itself; MAX_JOBS=4 make run-worker holds four jobs at once
	$(with_settings) $(BIN)/python -m worker_service $(ARGS)

run-worker-debug: weights ## a worker that takes one job at a time and logs every line
	$(with_settings) env LOG_LEVEL=DEBUG $(BIN)/python -m worker_service --max-jobs 1 $(ARGS)

migrate: local ## bring the database to the newest schema
	$(with_settings) $(BIN)/python -m deploy.migrations upgrade

doctor: local ## what is wrong with this set-up, and how to mend it
	$(with_settings) $(BIN)/python -m deploy.doctor $(ARGS)

verify-google: local ## one recording through the real Google, after its price and a question (ARGS=--yes)
	@$(BIN)/python -m deploy.doctor.google.verify $(ARGS)

check-workers: local ## who works: tasks, slots, versions, running jobs
	$(with_settings) $(BIN)/python -m deploy.doctor workers $(ARGS)

models: local ## install the speech models
	@$(BIN)/python -m deploy.local.models

## Deploy it
.PHONY: docker-api docker-worker docker-worker-cloudrun docker-worker-local docker-combined images-test sbom
docker-api: ## the image of the API and the migrations, by docker, podman or buildah (TAG=dev)
	@sh deploy/docker/build.sh api $(ARGS)

docker-worker: ## the image of a worker for Google
	@sh deploy/docker/build.sh worker $(ARGS)

docker-worker-cloudrun: ## the same, which answers health checks on PORT
	@sh deploy/docker/build.sh worker-cloudrun $(ARGS)

docker-worker-local: ## the image of a worker that computes the speech itself
	@sh deploy/docker/build.sh worker-local $(ARGS)

docker-combined: ## the image of API and worker together
	@sh deploy/docker/build.sh combined $(ARGS)

images-test: dev ## build every image and run it, without a Docker daemon: minutes (ARGS="-k combined")
	@$(BIN)/python -m tests.images $(ARGS)

sbom: dev ## bills of materials (CycloneDX) of what the images install, into build/sbom
	@mkdir -p build/sbom
	@for lock in api worker speech; do \
	  PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements requirements/$$lock.txt --pyproject pyproject.toml --output-reproducible \
	    -o build/sbom/$$lock.cdx.json || exit; \
	  echo build/sbom/$$lock.cdx.json; \
	done

## Work on it
.PHONY: dev-setup check lint format types imports test test-browser test-slow test-all chaos fuzz coverage docs docs-serve lock clean browser
dev-setup: dev weights ## the environment with all tools, the speech models and the git hook
	@if [ -e .git ]; then $(BIN)/pre-commit install; fi

check: lint types imports test ## everything that a change has to pass, as CI runs it

lint: dev ## ruff: rules and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

format: dev ## ruff: put in order what can be
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format

types: dev ## mypy, strict, tests included
	@$(BIN)/mypy

imports: dev ## import contracts: who may import whom
	@$(BIN)/lint-imports --no-logo

test: dev weights ## the tests, on a real Postgres and a real Redis of their own (ARGS="-k uploads")
	@$(PYTEST) -m "not slow and not browser" $(ARGS)

# A browser on a busy machine: what fails is tried once more, by itself.
test-browser: dev weights ## the tests of the console, in Chromium (`make browser` installs it)
	@$(BROWSER) $(ARGS) || $(BROWSER) --last-failed

test-slow: dev weights ## the tests that take minutes: fresh installations
	@$(PYTEST) -m slow $(ARGS)

test-all: dev weights ## all tests
	@$(PYTEST) $(ARGS)

chaos: dev ## a long chaos run: kills, outages, empty stores, and what must hold after them (ARGS="--seed 7 --faults 60")
	@$(BIN)/python -m tests.chaos $(ARGS)

fuzz: dev ## requests drawn from the OpenAPI document, its answers held against it (ARGS="--cases 10000 --seed 7")
	@$(BIN)/python -m tests.contract.fuzz $(ARGS)

coverage: dev weights ## the tests, and the lines that they do not reach
	@$(PYTEST) -m "not slow and not browser" $(COVERAGE) $(ARGS)

docs: dev ## the documentation as a site, in site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet $(ARGS)

docs-serve: dev ## the same while it is written, on http://127.0.0.1:8100
	@NO_MKDOCS_2_WARNING=1 exec $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8100 $(ARGS)

lock: dev ## lock the requirements anew (ARGS=--upgrade: to the newest versions)
	@$(LOCK) pyproject.toml requirements/tools.in --extra dev -o requirements/dev.txt
	@$(LOCK) pyproject.toml requirements/tools.in --extra local --extra telemetry --extra sentry -c requirements/dev.txt -o requirements/local.txt
	@for extra in api worker speech; do \
	  $(LOCK) pyproject.toml --extra $$extra --extra telemetry --extra sentry -c requirements/dev.txt -o requirements/$$extra.txt || exit; \
	done
	@printf 'uv\nsetuptools\n' | $(LOCK) - -c requirements/dev.txt -o requirements/uv.txt
	@echo cyclonedx-bom | $(LOCK) - -c requirements/dev.txt -o requirements/sbom.txt

browser: ## install Chromium for the tests of the console, by apt, where it is missing and we are root
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq \
	    && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium >/dev/null \
    || echo "Chromium could not be installed: the tests of the console will be skipped." >&2; \
	else echo 'No Chromium, and no right to install it: the tests of the console will be skipped.' >&2; fi

clean: ## remove what the tools left; the environment and the data of the stack stay
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage* htmlcov build dist site *.egg-info
	@find . -path ./.venv -prune -o -path ./.local -prune -o -name __pycache__ -type d -exec rm -rf {} +

# The speech models for other targets, whose ARGS are not theirs.
.PHONY: weights
weights: local
	@$(BIN)/python -m deploy.local.models

# What the others need: the packages to run everything, and those to work on it.
.PHONY: local dev
local:
	$(call environment,local)

dev:
	$(call environment,dev)
