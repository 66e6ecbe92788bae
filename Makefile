# Everything is done by scripts/setup_env.py, which needs nothing but Python: it makes .venv where it is missing or no
# longer fits the lock, then does the job. Without make: `python3 scripts/setup_env.py run`, and so on.
#
#   make run ARGS="--task breast-cancer"      arguments for the job
#   make PYTHON=/path/to/python3.12 run       a Python of your choice, 3.11 or 3.12

PYTHON ?= python3
ARGS ?=
JOB = @"$(PYTHON)" scripts/setup_env.py

.DEFAULT_GOAL := help
.PHONY: run test check format notebook readme lock setup clean help

run: ## run all chapters on the default task, into runs/
	$(JOB) run $(ARGS)

test: ## run the tests
	$(JOB) test $(ARGS)

check: ## formatting, lint, types, docs and tests: what a change must pass
	$(JOB) check $(ARGS)

format: ## reformat the code and mend what lint can mend
	$(JOB) format $(ARGS)

notebook: ## execute notebooks/*.py into the .ipynb beside them
	$(JOB) notebook $(ARGS)

readme: ## fill in the figures of README.md (ARGS=--run: measure them first)
	$(JOB) readme $(ARGS)

lock: ## resolve the dependencies anew (ARGS=--upgrade for the newest)
	$(JOB) lock $(ARGS)

setup: ## make .venv with everything the other recipes need, and stop
	$(JOB) setup

clean: ## remove .venv, caches and builds; runs/ is kept
	$(JOB) clean

help: ## show this list
	@"$(PYTHON)" -c "import re; [print('make %-9s %s' % m) for m in re.findall(r'^(\w+): ## (.*)', open('Makefile').read(), re.M)]"
