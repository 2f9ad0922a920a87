# `make run` and `make test` need Python 3.11 to 3.13 and nothing else; `make help` lists the rest.
SHELL := /bin/sh
BIN := .venv/bin
# TensorFlow takes a minute to import without its compiled bytecode.
unexport PYTHONDONTWRITEBYTECODE
# Two processes; tests that share one running product stay together. ARGS='-n 0' for one process.
# In the order of their names: the files with fewest tests, which would come last, are the slowest.
PYTEST := $(BIN)/python -m pytest -n 2 --no-loadscope-reorder
# Counting lines makes Python code half as slow again: only with the long tests.
COVERAGE := --cov --cov-report=term:skip-covered

.DEFAULT_GOAL := help
.PHONY: help run test test-all soak bench mlflow yasa lint scan secrets lock messages environment clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@echo "  PORT=8080, DEMO_PASSWORD=..., REDIS_URL=..., DATABASE_URL=... are honoured by make run;"
	@echo "  PYTHON=/path/to/python3.12 chooses the Python; ARGS='-k sleep' goes to pytest."

run: environment ## start the product with demo staff and patients; Ctrl-C stops it
	@exec $(BIN)/python manage.py run_stack

test: environment ## run the tests; lists what could not be run here
	@exec $(PYTEST) $(ARGS)

test-all: environment ## the tests and the long ones, and which lines they reach
	@exec $(PYTEST) $(COVERAGE) --long $(ARGS)

soak: environment ## send studies while processes are killed; STUDIES=500 SEED=6 MINUTES=120 FOLDER=var/soak
	@exec $(BIN)/python -m tests.soak --studies $(or $(STUDIES),500) --seed $(or $(SEED),6) --minutes $(or $(MINUTES),120) --folder $(or $(FOLDER),var/soak)

bench: environment ## measure CPU and memory against the usual tools, as ratios; ARGS=sleep for one
	@exec $(BIN)/python -m bench $(ARGS)

mlflow: environment ## open MLflow's interface behind a log-in; MLFLOW_PORT=5000
	@exec $(BIN)/python scripts/mlflow_server.py

yasa: environment ## install YASA into an environment of its own, for the bench and as a second opinion
	$(BIN)/python -m uv venv --quiet --allow-existing --python $(BIN)/python var/yasa
	$(BIN)/python -m uv pip install --quiet --python var/yasa/bin/python -r requirements/yasa.txt -c requirements/lock.txt
	@echo "vigie: set VIGIE_YASA=$(CURDIR)/var/yasa/bin/python to ask YASA about every night"

lint: environment ## style, layers of imports, Dockerfile, unsafe patterns, secrets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/python scripts/scan.py bandit secrets

scan: environment ## unsafe patterns, secrets, known vulnerabilities of packages (asks over the network)
	$(BIN)/python scripts/scan.py

environment: ## make .venv and install what is pinned
	@scripts/environment.sh

secrets: ## make the secrets of docker-compose.yml: make secrets DIR=/etc/vigie/secrets
	@scripts/secrets.sh "$(DIR)"

lock: environment ## resolve requirements.txt into requirements/lock.txt again
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 requirements.txt -o requirements/lock.txt

messages: environment ## collect the strings to translate into locale/ (needs GNU gettext) and compile them
	@command -v xgettext >/dev/null || { echo "vigie: collecting strings needs GNU gettext (apt install gettext)"; exit 1; }
	$(BIN)/python manage.py makemessages --locale fr --locale en --ignore .venv --ignore var
	$(BIN)/python manage.py compile_catalogues

clean: ## remove caches and reports; .venv, var/ and your data stay
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov test-results staticfiles
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
