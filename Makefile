# Every target is one line that calls `lab` or a tool; `make help` lists them. Variables: see the README.
SHELL := bash
PYTHON ?= python3
VENV := .venv/.installed
LAB := .venv/bin/python -m lab
PYTEST := .venv/bin/python -m pytest
# Where the Must-show runs find an order history, and where they keep their own networks and ports.
DATA ?= ../shared/data/northwind
SHOW_DIR := build/show
SHOW_PORT ?= 18021
SHOW_DRIVERS ?= process compose
NEEDED = $(if $(filter compose,$(SHOW_DRIVERS)),REQUIRE_DOCKER=1)
HISTORIES ?= 50
FAULT ?= pause
# The fast tests' files need no disk, and most of their time would be spent waiting for one. What Python compiles for
# one run it keeps for the next.
FAST_ENV := $(if $(wildcard /dev/shm),PYTEST_DEBUG_TEMPROOT=/dev/shm) PYTHONDONTWRITEBYTECODE=

export LAB_RUN_DIR := $(RUN_DIR)
ifeq ($(strip $(LAB_RUN_DIR)),)
unexport LAB_RUN_DIR
endif

.DEFAULT_GOAL := help

.PHONY: help
help: ## Mostra esta lista | Show this list
	@awk -F ':.*## | [|] ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s%s\n      %s\n      %s\n", $$1, $$4, $$2, $$3}' $(MAKEFILE_LIST)

.PHONY: up
up: $(VENV) ## Inicia a rede | Start the network | DRIVER=auto NODES=3 POLICY=escrow BASE_PORT=18001 FAULTS=1
	@$(LAB) up --driver $(or $(DRIVER),auto) $(if $(NODES),--nodes $(NODES)) $(if $(POLICY),--policy $(POLICY)) $(if $(BASE_PORT),--base-port $(BASE_PORT)) $(if $(FAULTS),--faults)

.PHONY: down
down: $(VENV) ## Encerra todos os nós; os dados ficam | Stop every node; data stay
	@$(LAB) down

.PHONY: clean
clean: $(VENV) ## Encerra e apaga os dados da rede | Stop and remove the network's data
	@$(LAB) clean

.PHONY: status
status: $(VENV) ## Mostra estado, pendentes e convergência | Show states, pending counts and convergence
	@$(LAB) status

.PHONY: watch
watch: $(VENV) ## Acompanha a rede ao vivo | Watch the network live
	@$(LAB) watch

.PHONY: partition
partition: $(VENV) ## Isola uma filial | Cut off a branch | NODE=filial-sul FAULT=pause|stop|cut
	@$(LAB) partition $(or $(NODE),$(error say which branch: make partition NODE=filial-sul)) --fault $(FAULT)

.PHONY: heal
heal: $(VENV) ## Desfaz todas as falhas e espera pendentes = 0 | Undo every fault and wait until pending is 0
	@$(LAB) heal

.PHONY: salvage
salvage: $(VENV) ## Traz de volta o que um arquivo danificado ainda guarda | Bring back what a damaged file still holds | NODE=filial-sul SHOW=1 FOUND=1 YES=1
	@$(LAB) salvage $(or $(NODE),$(error say which branch: make salvage NODE=filial-sul)) $(if $(SHOW),--show) $(if $(FOUND),--found) $(if $(YES),--yes)

.PHONY: decommission
decommission: $(VENV) ## Desativa de vez uma filial perdida | Decommission a branch that is gone for good | NODE=filial-sul
	@$(LAB) decommission $(or $(NODE),$(error say which branch: make decommission NODE=filial-sul))

.PHONY: chaos
chaos: $(VENV) ## Quebra nós por um roteiro sorteado e depois cura | Break nodes by a seeded schedule, then heal | SECONDS=60 SEED=1
	@$(LAB) chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

.PHONY: demo
demo: $(VENV) ## Um minuto: uma filial isolada, curada e conferida | A minute: a branch cut off, healed and checked | LANG=pt_BR|en FAULT=pause|stop
	@$(LAB) demo --driver $(or $(DRIVER),auto) --fault $(FAULT) $(if $(filter command line,$(origin LANG)),--lang $(LANG))

.PHONY: load
load: $(VENV) ## Muitos operadores em todas as filiais, e a conferência | Many operators at all branches, and the verdict | USERS=50 TIME=60s SHAPE=steady|rush-hour
	@$(LAB) load --users $(or $(USERS),50) --time $(or $(TIME),60s) --driver $(or $(DRIVER),auto) $(if $(SHAPE),--shape $(SHAPE))

.PHONY: load-ui
load-ui: $(VENV) ## O mesmo pela página do Locust em 127.0.0.1:18089 | The same on Locust's page at 127.0.0.1:18089
	@$(LAB) load --ui --driver $(or $(DRIVER),auto) $(if $(SHAPE),--shape $(SHAPE))

.PHONY: replay
replay: $(VENV) ## Repete um histórico de pedidos | Replay an order history | DIR=folder
	@$(LAB) replay "$(or $(DIR),$(error say which history: make replay DIR=path))"

.PHONY: run
run: $(VENV) ## Executa um cenário | Run a scenario | SCENARIO=last-unit DRIVER=process|compose
	@$(LAB) run $(or $(SCENARIO),$(error say which scenario: make run SCENARIO=last-unit)) $(if $(DRIVER),--driver $(DRIVER))

.PHONY: torture
torture: $(VENV) ## Vende em todas as filiais enquanto tudo quebra, cura e julga | Sell everywhere while all breaks, heal and judge | MINUTES=3 SEED=1 DRIVER=auto NODES=3
	@$(LAB) torture --minutes $(or $(MINUTES),3) --driver $(or $(DRIVER),auto) $(if $(SEED),--seed $(SEED)) $(if $(NODES),--nodes $(NODES)) $(if $(BASE_PORT),--base-port $(BASE_PORT))

.PHONY: verify
verify: $(VENV) ## Julga uma execução só pelo seu registro | Judge a run by its run log alone | FILE=build/run/run.jsonl
	@$(LAB) verify "$(or $(FILE),$(error say which run log: make verify FILE=build/run/run.jsonl))"

.PHONY: simulate
simulate: $(VENV) ## Simula histórias com tempo virtual | Simulate histories in virtual time | HISTORIES=50 SEED=1|fresh JOBS=2 NODES=3 WIPES=1
	@$(LAB) simulate --histories $(HISTORIES) $(if $(filter fresh,$(SEED)),--fresh,$(if $(SEED),--seed $(SEED))) $(if $(TWICE),--twice $(TWICE)) $(if $(JOBS),--jobs $(JOBS)) $(if $(NODES),--nodes $(NODES)) $(if $(WIPES),--wipes)

.PHONY: teeth
teeth: $(VENV) ## Planta erros no código e confere que todos são pegos | Plant bugs in the code and see each one caught | ONLY=cursor JOBS=2
	@$(LAB) teeth $(if $(ONLY),--only "$(ONLY)") $(if $(JOBS),--jobs $(JOBS))

.PHONY: model
model: $(VENV) ## Um milhão de histórias só das regras de estoque | A million histories of the stock rules alone | HISTORIES=1000000 SEED=1 JOBS=2 DEMAND=1
	@$(LAB) model $(if $(filter command line,$(origin HISTORIES)),--histories $(HISTORIES)) $(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $(JOBS)) $(if $(DEMAND),--demand)

.PHONY: base-image
base-image: $(VENV) ## Constrói a imagem base sem registro (root) | Build the base image without a registry (root)
	@$(LAB) base-image

.PHONY: doctor
doctor: $(VENV) ## Procura os problemas mais comuns | Look for the commonest problems
	@$(LAB) doctor

.PHONY: check
check: $(VENV) ## Estilo, tipos, arquitetura e testes rápidos | Style, types, architecture and the fast tests
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target lint fast

.PHONY: fast
fast: $(VENV)
	@$(FAST_ENV) $(PYTEST) -q -n auto -m "not long and not cluster and not compose" services/node/tests lab/tests

.PHONY: lint
lint: $(VENV)
	@.venv/bin/ruff check --quiet . && .venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy services/node/app services/node/tests && .venv/bin/mypy lab tests $(wildcard loadtests/*.py)
	@PYTHONPATH=services/node .venv/bin/lint-imports --no-cache

.PHONY: test
test: lint ## Tudo o que o check faz e todos os testes curtos | What check does and every test that is not long
	@$(FAST_ENV) $(PYTEST) -q -n auto -m "not long and not cluster and not compose"
	@$(LAB) teeth
	@$(PYTEST) -m "(cluster or compose) and not long" tests
	@$(LAB) simulate --seed $$(( 0x$(CONTENT) )) --histories 500 && $(LAB) simulate --seed $$(( 0x$(CONTENT) )) --histories 100 --wipes --twice 0.1
# Other histories with every change, and the same ones for the same code: what fails can be repeated.
CONTENT = $(shell git rev-parse --short=7 'HEAD^{tree}' 2>/dev/null || echo 1)

.PHONY: test-long
test-long: northwind-3 northwind-4 scenarios kill-nine show-a-4 ## Os cenários por inteiro e 500 histórias simuladas | Every scenario at full length and 500 simulated histories
	@$(LAB) simulate --histories 500
	@$(PYTEST) -m long

.PHONY: lock
lock: ## Renova os arquivos de versões | Renew the lock files
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	@build/lock/bin/uv pip compile $(LOCK_OPTIONS) services/node/requirements.in -o services/node/requirements.txt
	@build/lock/bin/uv pip compile $(LOCK_OPTIONS) requirements.in -o requirements.txt
LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

# The stamp makes the first `make up` on a fresh clone install everything, and later ones nothing.
$(VENV): requirements.txt services/node/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

# What this version must show, each line by itself; each show target stops at the first line that fails.
.PHONY: show-a show-a-1 show-a-2 show-a-3 show-a-4 show-a-5 show-a-6
show-a: show-a-1 show-a-2 show-a-3 show-a-4 show-a-5 show-a-6 ## Demonstra a rede de processos | Show the network of processes end to end

show-a-1: northwind-3 northwind-4
show-a-2: scenarios
	@$(PYTEST) -m "cluster and not long" tests/cluster/test_tokens.py tests/cluster/test_scenarios.py
show-a-3: kill-nine
show-a-4: $(VENV)
	@$(LAB) run apart && $(LAB) run founding
show-a-5: $(VENV)
	@$(LAB) simulate --histories $(HISTORIES)
show-a-6:
	@$(MAKE) test

.PHONY: northwind-3 northwind-4 northwind-compose
northwind-3 northwind-4 northwind-compose: export LAB_RUN_DIR = $(SHOW_DIR)/$@
northwind-3 northwind-4: northwind-%: $(VENV)
	@$(call northwind,process,$*)
northwind-compose: $(VENV)
	@$(call northwind,compose,3)
northwind = trap '$(LAB) clean' EXIT; $(LAB) clean && $(LAB) up --driver $(1) --nodes $(2) --base-port $(SHOW_PORT) && $(LAB) replay "$(DATA)" --stock exact --expect-all

.PHONY: scenarios kill-nine
scenarios: $(VENV)
	@for scenario in $$($(LAB) run --list seed); do $(LAB) run $$scenario || exit 1; done
kill-nine: $(VENV)
	@$(LAB) run kill-nine

.PHONY: show-a1 show-a1-1 show-a1-2 show-a1-3 show-a1-4 show-a1-5 show-a1-6
show-a1: show-a1-1 show-a1-2 show-a1-3 show-a1-4 show-a1-5 show-a1-6 ## Demonstra a rede de contêineres | Show the network of containers end to end

show-a1-1: demo-process demo-compose
show-a1-2: $(VENV)
	@REQUIRE_DOCKER=1 $(PYTEST) tests/verbs/test_verbs.py -k "cut_off_and_healed or leaves_nothing_behind"
show-a1-3: northwind-compose
show-a1-4: load-process load-compose
show-a1-5: $(VENV)
	@REQUIRE_DOCKER=1 $(PYTEST) tests/compose/test_hardening.py
show-a1-6: first-cost-process first-cost-compose

.PHONY: demo-process demo-compose load-process load-compose first-cost-process first-cost-compose
demo-process demo-compose load-process load-compose first-cost-process first-cost-compose: export LAB_RUN_DIR = $(SHOW_DIR)/$@
demo-process demo-compose: demo-%: $(VENV)
	@trap '$(LAB) clean' EXIT; $(LAB) up --driver $* --base-port $(SHOW_PORT) && $(LAB) demo --driver $*
load-process load-compose: load-%: $(VENV)
	@trap '$(LAB) clean' EXIT; $(LAB) up --driver $* --base-port $(SHOW_PORT) && $(LAB) load --users 50 --time 60s --driver $*
# The first start after everything was removed, and the next one.
first-cost-process first-cost-compose: first-cost-%: $(VENV)
	@trap '$(LAB) clean' EXIT; $(LAB) clean; for start in first next; do echo "$$start start, $*:"; time $(LAB) up --driver $* --base-port $(SHOW_PORT); $(LAB) down; done

.PHONY: show-a2 show-a2-1 show-a2-2 show-a2-3 show-a2-4
show-a2: show-a2-1 show-a2-2 show-a2-3 show-a2-4 ## Demonstra falhas de enlace e de disco | Show broken links and lost disks end to end

show-a2-1: $(VENV)
	@for driver in $(SHOW_DRIVERS); do for scenario in $$($(LAB) run --list cut); do $(LAB) run $$scenario --driver $$driver || exit 1; done; done
show-a2-2: $(VENV)
	@$(PYTEST) -n auto services/node/tests/recovery services/node/tests/sync services/node/tests/database
show-a2-3: $(VENV)
	@$(NEEDED) $(PYTEST) tests/verbs/test_fault_verbs.py tests/verbs/test_promises.py
show-a2-4: show-lost-disk

.PHONY: show-lost-disk
show-lost-disk: $(VENV) ## Demonstra discos perdidos, restaurados, estragados e cheios | Show disks lost, restored, damaged and full
	@for driver in $(SHOW_DRIVERS); do for scenario in $$($(LAB) run --list disk); do $(LAB) run $$scenario --driver $$driver || exit 1; done; done
	@$(NEEDED) $(PYTEST) services/node/tests/sync/test_backup.py tests/verbs/test_disk_verbs.py tests/cluster/test_lost_disk.py tests/cluster/test_cloned_disk.py tests/compose/test_full_disk.py
	@.venv/bin/python -m loadtests.bench.rebuild --orders $(or $(ORDERS),100000) && .venv/bin/python -m loadtests.bench.outage --events $(or $(EVENTS),600000)

.PHONY: show-b show-b-1 show-b-2 show-b-3 show-b-4
show-b: show-b-1 show-b-2 show-b-3 show-b-4 ## Demonstra simulação, tortura e conferência | Show simulation, torture and the checker

show-b-1: $(VENV)
	@$(LAB) simulate --histories $(if $(filter command line,$(origin HISTORIES)),$(HISTORIES),2000)
show-b-2: $(VENV)
	@$(LAB) torture --minutes $(or $(MINUTES),3) --driver process --directory $(SHOW_DIR)/torture
show-b-3: teeth
show-b-4: $(VENV) $(SHOW_DIR)/torture/process/run.jsonl
	@$(LAB) verify $(lastword $^)
# By itself the last line has a run to judge too.
$(SHOW_DIR)/torture/process/run.jsonl:
	@$(MAKE) show-b-2

.PHONY: show-c show-c-1 show-c-2 show-c-3 show-c-4 show-c-5 show-c-6
show-c: show-c-1 show-c-2 show-c-3 show-c-4 show-c-5 show-c-6 ## Demonstra que a rede sobrevive ao próprio software | Show that the network survives its own software

show-c-1: $(VENV)
	@$(PYTEST) tests/cluster/test_altered_files.py
show-c-2: $(VENV)
	@$(PYTEST) tests/cluster/test_salvage.py
show-c-3: $(VENV)
	@$(NEEDED) $(PYTEST) tests/cluster/test_rolling_upgrade.py $(if $(filter compose,$(SHOW_DRIVERS)),tests/compose/test_rolling_upgrade.py)
show-c-4: teeth
show-c-5: $(VENV)
	@$(LAB) simulate --histories $(if $(filter command line,$(origin HISTORIES)),$(HISTORIES),2000) --twice 0.05 && $(LAB) simulate --histories $(if $(filter command line,$(origin HISTORIES)),$(HISTORIES),500) --wipes --twice 0.05
show-c-6: $(VENV)
	@$(PYTEST) -n auto tests/recipes

.PHONY: show-d show-d-1 show-d-2 show-d-3
show-d: show-d-1 show-d-2 show-d-3 ## Demonstra que o comportamento não mudou e que toda pasta tem sua linha | Show that behaviour is as before and every room has its line | BEFORE=HEAD~1 PLAIN=150 LOST=50

# Both digests of every seed stand in build/house-digests.txt: those of the commit BEFORE and those of this tree.
show-d-1: $(VENV)
	@PYTHONPATH=.:services/node .venv/bin/python -m tests.simulation.digests --before $(or $(BEFORE),HEAD~1) --plain $(or $(PLAIN),150) --wipes $(or $(LOST),50) --jobs $(or $(JOBS),2)
show-d-2: $(VENV)
	@TIMEFORMAT='make check took %R s by the clock; of processors %U s in programs and %S s in the system'; time $(MAKE) --no-print-directory check
show-d-3: $(VENV)
	@$(PYTEST) tests/test_rooms.py
