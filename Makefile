# Every target sets up all it needs by itself. Nothing is installed outside .venv.

BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run setup check format test country bench lock migration settings access

help: ## what there is
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 16

run: ## set up and run everything on embedded stores
	@requirements/install run
	@$(BIN)/maraba up

setup: ## set up for development
	@requirements/install dev

check: setup ## format, lint, types, import rules, flows
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/maraba check

format: setup ## put code in shape
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix .

# Three processes: tests wait for services and clocks, and two cores are busy meanwhile.
test: setup ## every test; some of them: make test ARGS="tests/text -k cut"
	@requirements/browser
	@requirements/kannel
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

country: setup ## the load figures of docs, with 100,000 files and requests
	MARABA_TEST_COUNTRY=1 $(BIN)/python -m pytest -s tests/desk/test_speed.py tests/data/test_speed.py tests/outreach/test_many.py tests/test_sending.py $(ARGS)

bench: setup ## speed, as ratios
	$(BIN)/python -m tests.benchmarks $(ARGS)

settings: setup ## write docs/settings.md from bot/config.py
	$(BIN)/python -m tests.settings_page

access: setup ## write docs/access.md from the rules of the desk
	$(BIN)/python -m tests.access_page

migration: setup ## write a migration: make migration NAME="alerts know their office"
	$(BIN)/python -m tests.new_migration "$(NAME)"

# No registry's address may stand in a lock: hence these options.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

lock: setup ## resolve requirements/*.in again; newer versions: make lock ARGS=--upgrade
	$(COMPILE) $(ARGS) requirements/run.in -o requirements/run.txt
	$(COMPILE) $(ARGS) -c requirements/run.txt requirements/dev.in -o requirements/dev.txt
