# `make` alone lists what there is. Every target installs into .venv by itself.
SHELL := /bin/bash
VENV := .venv
RUN := $(VENV)/bin/python
ARGS ?=
PRESET ?= laptop
DATASET ?= orl
DATA_DIR ?=
PYTHON ?=
STRATEGY ?= none
ROOM ?=
SHARE ?= 0.01
# The paper's preset names its data set; another one has to be asked for.
CHOICE = --preset=$(PRESET) \
	$(if $(and $(filter paper,$(PRESET)),$(filter file,$(origin DATASET))),,--dataset=$(DATASET)) \
	$(if $(DATA_DIR),--data_dir="$(DATA_DIR)") \
	$(if $(filter-out none,$(STRATEGY)),--strategy=$(STRATEGY)) $(ARGS)

# What was asked for, and nothing else: a command that has no such flag says so.
asked = $(if $(filter environment command,$(firstword $(origin $(1)))),--$(2)="$($(1))")
ASKED = $(call asked,PRESET,preset) $(call asked,DATASET,dataset) $(call asked,DATA_DIR,data_dir) \
	$(call asked,STRATEGY,strategy) $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help install table1 table2 adaptive linf-curve certify evaluate gallery judges sweep tensorboard verification weights render learn-albedo train-mofa reconstruct code-identity train-identity mofa-attack mofa-intensity mofa-sweep train-detector detection defense refined-defense face-model results report docs bench test test-faults mutants lint clean

help: ## List the targets.
	@echo "ResGN and the attack on MoFA. Targets:"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'
	@echo
	@echo "Choices: PRESET=laptop|paper|smoke DATASET=orl|lfw|celeba|folder DATA_DIR=... STRATEGY=none|mirrored|multi_worker ARGS='--flag=value'."
	@echo "Without DATASET, ResGN's take ORL and MoFA's rendered people."

install: $(VENV)/.installed ## Create .venv (Python 3.10 to 3.13; PYTHON=... names one) and install the project.

$(VENV)/.installed: setup.cfg setup.py constraints-faithful.txt constraints-current.txt
	@bash .ci/install "$(VENV)" "$(PYTHON)"
	@touch $@

# It is made anew where its Python has gone, or where another one is asked for.
VERSION := -c 'import sys; print(sys.hexversion)'
ifneq "$(wildcard $(VENV)/.installed)" ""
  MADE_WITH := $(shell $(RUN) $(VERSION) 2>/dev/null)
  ASKED_FOR := $(if $(PYTHON),$(shell "$(PYTHON)" $(VERSION) 2>/dev/null),$(MADE_WITH))
  ifneq "$(or $(MADE_WITH),none)" "$(ASKED_FOR)"
    .PHONY: $(VENV)/.installed
  endif
endif
CONSTRAINTS = constraints-$(shell $(RUN) -c 'import sys; print("faithful" if sys.version_info < (3, 12) else "current")').txt

table1: install ## Table 1 of the ResGN paper, on ORL.
	$(RUN) -m experiments.table1 $(CHOICE)

table2: install ## Table 2: ResGN trained at one attack intensity, tested at others.
	$(RUN) -m experiments.attack_intensity $(CHOICE)

adaptive: install ## Every attack on cleaners by someone who knows them, and how far each reaches.
	$(RUN) -m experiments.adaptive $(CHOICE)

linf-curve: install ## What defences keep of their pairs at 1, 2, 4 and 8 grey levels, and where each gives out.
	$(RUN) -m experiments.linf_curve $(CHOICE)

certify: install ## Pairs that no change of the probe up to a radius can turn, proved: accuracy against radius.
	$(RUN) -m experiments.certify $(CHOICE)

evaluate: install ## Your own defence: reported, measured, certified, and when not to trust it; ARGS='--cleaner=module:callable'.
	$(RUN) -m experiments.evaluate $(CHOICE)

gallery: install ## Figure 2: faces, attacked and cleaned, with their distances.
	$(RUN) -m experiments.gallery $(CHOICE)

judges: install ## ResGN trained against one network, judged by another, attacked on either.
	$(RUN) -m experiments.judges $(CHOICE)

sweep: install ## Accuracy against attack intensity from 0 to 0.1.
	$(RUN) -m experiments.sweep $(CHOICE)

tensorboard: install ## Losses, images, weights and hyperparameters of all runs in the browser.
	$(RUN) -m tensorboard.main --logdir=runs $(ARGS)

verification: install ## How well the target verifies faces: ten folds, ROC, EER, TAR at FAR.
	$(RUN) -m experiments.verification $(if $(filter file,$(origin DATASET)),--dataset=$(DATASET)) $(ASKED)

weights: install ## Which weight files are known, found and missing, and how to get them.
	$(RUN) -m experiments.weights $(ARGS)

render: install ## Random faces of the morphable model, a turntable and a light sweep.
	$(RUN) -m experiments.render $(ASKED)

learn-albedo: install ## Learn the albedo of MoFA's face model from photographs.
	$(RUN) -m experiments.learn_albedo $(ASKED)

train-mofa: install ## Train MoFA's encoder.
	$(RUN) -m experiments.train_mofa $(ASKED)

reconstruct: install ## Reconstruct faces with MoFA; PHOTOS="a.jpg b.jpg", rendered ones without.
	$(RUN) -m experiments.reconstruct $(PHOTOS) $(ASKED)

code-identity: install ## Whether MoFA's shape and albedo codes alone tell people apart.
	$(RUN) -m experiments.code_identity $(ASKED)

train-identity: install ## Train the identity classifiers on MoFA's codes and on images.
	$(RUN) -m experiments.train_identity $(ASKED)

mofa-attack: install ## Figures 1 and 3: a face that MoFA takes for another; how often it works.
	$(RUN) -m experiments.mofa_attack $(ASKED)

mofa-intensity: install ## Figure 4: the attack on MoFA at several epsilons and caps.
	$(RUN) -m experiments.mofa_intensity $(ASKED)

mofa-sweep: install ## Figure 5: similarity to source and target against epsilon.
	$(RUN) -m experiments.mofa_sweep $(ASKED)

train-detector: install ## Train the detector, an autoencoder of normal faces.
	$(RUN) -m experiments.train_detector $(ASKED)

detection: install ## Table 2 of the paper on MoFA: telling attacked faces from normal ones.
	$(RUN) -m experiments.detection $(ASKED)

defense: install ## Figure 6: bringing attacked faces back to what they were.
	$(RUN) -m experiments.defense $(ASKED)

refined-defense: install ## Whether refining the code undoes the attack, also when it is attacked itself.
	$(RUN) -m experiments.refined_defense $(ASKED)

face-model: install ## Build the open morphable model anew (fetches the data with pip).
	$(RUN) -m experiments.build_face_model $(ARGS)

results: install ## The tables of every page anew from docs/results/.
	$(RUN) -m experiments.results_page $(ARGS)

report: install ## One HTML page with the kept results and your runs, runs/report.html.
	$(RUN) -m experiments.report $(ARGS)

docs: install ## API pages from the docstrings, runs/api/index.html.
	$(RUN) -m pdoc -d google -o runs/api attacks resgn mofa detector weights

bench: install ## The renderer, training's input pipeline and strategies, the attacks beside their peers.
	$(RUN) -m benchmarks.rendering $(ARGS)
	$(RUN) -m benchmarks.training
	$(RUN) -m benchmarks.stacks
	$(RUN) -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) --editable '.[bench]'
	$(RUN) -m benchmarks.attacks
	$(RUN) -m benchmarks.semantic_attack

test: install ## The tests.
	$(RUN) -m pytest -n 2 --dist=loadfile $(ARGS)

test-faults: install ## Kills, races, full disks, vanishing data, damaged files; about half an hour.
	$(RUN) -m pytest -m faults -n 2 $(ARGS)

mutants: install ## Mutation tests of a drawn share: ROOM="attacks detector.roc", SHARE=0.01.
	$(RUN) -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) --editable '.[mutation]'
	TF_NUM_INTRAOP_THREADS=1 CUDA_VISIBLE_DEVICES=-1 $(RUN) -m tests.mutants $(ROOM) --share=$(SHARE) $(ARGS)

lint: install ## ruff and mypy.
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

clean: ## Remove .venv and caches of tools; runs/ stays.
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants *.egg-info
