# make repro: the whole pipeline. make test: the tests, but for the longest, which make sweep runs. Each installs first, once.

python ?= python3
bin := .venv/bin
run := PATH="$(CURDIR)/$(bin):$$PATH"

.PHONY: repro pull push exp experiments plan compare app test sweep lint format tensorboard bench

repro: .venv/installed
	@$(run) python -m pipeline.runs repro
	@$(run) python -m pipeline.card

pull: .venv/installed # make pull TARGETS='data/features data/split.parquet'
	@$(run) python -m pipeline.share pull $(TARGETS)

push: .venv/installed
	@$(run) python -m pipeline.share push

exp: .venv/installed # make exp MODEL=tcn
	@$(run) python -m pipeline.runs exp $(or $(MODEL),'')

experiments: .venv/installed
	@$(run) python -m pipeline.experiments

plan: .venv/installed
	@$(run) python -m pipeline.plan

compare: .venv/installed # make compare ARGS='--folds 5 --seeds 2'
	@$(run) python -m pipeline.compare $(ARGS)

test: .venv/installed lint # a thread for each process: their threads would wait for each other
	@$(run) OMP_NUM_THREADS=1 python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

sweep: .venv/installed # the tests that take minutes, which make test leaves out
	@$(run) python -m pytest -m sweep

lint: .venv/installed
	@$(run) ruff check
	@$(run) ruff format --check

format: .venv/installed
	@$(run) ruff check --fix
	@$(run) ruff format

app: .venv/installed # make app MODEL=pretrained ARGS='--port 8080'; MODEL=export: data/export
	@$(run) python app.py $(if $(MODEL),--model data/$(MODEL)) $(ARGS)

tensorboard: .venv/installed
	@$(run) tensorboard --logdir data/tensorboard --host 127.0.0.1

bench: .venv/installed
	@$(run) python -m benchmarks.filter
	@$(run) python -m benchmarks.pack
	@$(run) python -m benchmarks.decode
	@$(run) python -m benchmarks.workers
	@$(run) python -m benchmarks.loader
	@$(run) python -m benchmarks.scale
	@$(run) python -m benchmarks.evaluate
	@$(run) python -m benchmarks.train
	@$(run) python -m benchmarks.predict
	@$(run) python -m benchmarks.cost

.venv/installed: pyproject.toml constraints.txt
	$(python) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make python=python3.12 …")'
	$(python) -m venv .venv
	$(bin)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
