# Both commands of the README set everything up themselves: an environment in .venv, with exact
# versions from constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_FOR_SITE := $(VENV)/.ready-for-site
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
DEMO := demo
SITE := build/site

# Bytecode makes TensorFlow's import three times quicker; some machines turn it off.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint site bench soak profiles gpu-check first-run calibration models constraints clean

KERNEL := $(wildcard simulator/engine/compiled/*.[ch])

$(VENV)/.made: constraints.txt
	@for folder in calibrate cli models simulator; do test -L src/nworkers/$$folder || { echo \
		"src/nworkers/$$folder is no link; on Windows: git config core.symlinks true," \
		"then git checkout -- src/nworkers" >&2; exit 2; }; done
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "scale needs Python 3.11 to 3.13; name one: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv module; on Debian: apt-get install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) setuptools wheel
	@touch $@

$(READY): $(VENV)/.made pyproject.toml $(KERNEL)
	$(INSTALL) --no-build-isolation -e '.[tf,dev]'
	@touch $@ $(READY_FOR_SITE)

$(READY_FOR_SITE): $(VENV)/.made pyproject.toml $(KERNEL)
	$(INSTALL) --no-build-isolation -e '.[docs]'
	@touch $@

# The first lines of each answer; all of it is in $(DEMO)/.
JOB := --workload mlp:784,512,512,10
MINE := --calibration $(DEMO)/calibration.json $(JOB)
HOSTS := --calibration h100 --link 25gbit $(JOB) --batch 65536 --scaling weak --max-workers 16

demo: $(READY)
	@mkdir -p $(DEMO)
	@echo "1. The complaint of 2017 on this machine, measured:"
	@$(BIN)/scale calibrate --quick $(JOB) --batch 256 -o $(DEMO)/calibration.json --force
	@printf '\n2. How many workers does it take here?\n'
	@$(BIN)/scale breakeven $(MINE) --max-workers 8 --plot $(DEMO)/breakeven.png --force -q \
		> $(DEMO)/breakeven.txt && head -n 1 $(DEMO)/breakeven.txt
	@printf '\n3. From which batch on do two workers pay here?\n'
	@$(BIN)/scale solve batch $(MINE) --workers 2 --scaling weak -q \
		> $(DEMO)/batch.txt && head -n 1 $(DEMO)/batch.txt
	@printf '\n4. Another host of 16 cores, its wire of 25 Gbit/s, batch 65536 for each worker:\n'
	@$(BIN)/scale breakeven $(HOSTS) --device cpu -q > $(DEMO)/processors.txt && \
		head -n 1 $(DEMO)/processors.txt
	@printf '\n5. The same with an H100 for each worker: one process gains more than the workers do.\n'
	@$(BIN)/scale breakeven $(HOSTS) -q > $(DEMO)/gpus.txt && head -n 1 $(DEMO)/gpus.txt
	@printf '\n6. The page for a colleague:\n'
	@$(BIN)/scale report $(MINE) --max-workers 8 -o $(DEMO)/report.html --force -q
	@echo
	@echo "All answers and the curve:  $(DEMO)/"
	@echo "The report:                 $(DEMO)/report.html"
	@echo "Was it right?               $(BIN)/scale validate $(MINE) --workers 1,2"

# docs/ as a site, with a reference made from the code; a warning or a link that leads nowhere fails.
site: $(READY_FOR_SITE)
	$(BIN)/python -m benchmarks.site $(SITE)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What judges how long things take has the machine to itself; all else shares its cores. One process
# more than these: tests that start tasks wait a lot.
test: lint
	$(BIN)/pytest -n $$($(BIN)/python -c 'import os; print(min(8, 1 + os.cpu_count()))') \
		--dist worksteal -m "not timed and not slow"
	$(BIN)/pytest -m "timed and not slow" $$(grep -rl --include=*.py mark.timed tests)
	$(BIN)/python -m benchmarks.performance ratios

# By hand, on an idle machine: ratios within one run, with the figures that docs/ quote.
bench: $(READY)
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.sampling
	$(BIN)/python -m benchmarks.rested
	$(BIN)/python -m benchmarks.simulator
	$(BIN)/python -m benchmarks.performance

# By hand, about an hour: tests that are much like others, among them 10,000 questions that nobody
# should ask, then tasks and coordinators killed at random moments, over and over.
soak: $(READY)
	$(BIN)/pytest -m slow
	SCALE_QUESTIONS=10000 $(BIN)/pytest -n auto tests/cli/test_any_question.py
	SCALE_OFTEN=10 $(BIN)/pytest -n auto $$(grep -rl --include=test_*.py support.often tests)
	$(BIN)/python -m benchmarks.soak

# By hand, as root: measure the two profiles that the package ships.
profiles: $(READY)
	$(BIN)/python -m benchmarks.profiles

# By hand, on a host with a GPU, at most ten minutes: does all of it hold there?
gpu-check: $(READY)
	$(BIN)/python -m benchmarks.gpu_check

# By hand, about seven minutes: measure and write docs/first-run.md with its pictures.
first-run: $(READY)
	$(BIN)/python -m benchmarks.first_run

# By hand, as root, on a quiet machine, about half an hour: the figures of docs/calibration-checks.md.
calibration: $(READY)
	$(BIN)/python -m benchmarks.calibration

# By hand, about ten minutes: the figures of docs/fits.md that need no measurement.
models: $(READY)
	$(BIN)/python -m benchmarks.models recovery

# By hand, after a change of dependencies: the exact versions that a fresh environment gets.
constraints:
	rm -rf $(VENV)-constraints
	$(PYTHON) -m venv $(VENV)-constraints
	$(VENV)-constraints/bin/pip install --quiet '.[tf,dev]' setuptools wheel
	{ echo "# Exact versions for Python 3.11 to 3.13 on Linux x86_64; written by \`make constraints\`."; \
		$(VENV)-constraints/bin/pip freeze --all --exclude nworkers --exclude pip; } > constraints.txt
	rm -rf $(VENV)-constraints

clean:
	rm -rf $(VENV) $(DEMO) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
