# Every target is one line that calls `./lab` or a tool; `make help` lists them. Variables: see the README.
SHELL := bash

# Only `make NAME=value` counts, for every variable below. Shells have a TIME, NODES or USERS of their own, and settings of
# Python and pip that would let other packages in or keep the lab's out. `make doctor` names what is ignored here.
THIS := $(firstword $(MAKEFILE_LIST))
MAKES_OWN := LAB_IGNORED LAB_RUN_DIR LANG MAKE MAKECMDGOALS MAKEFILE_LIST MAKEFLAGS MAKE_VERSION
VARIABLES := $(filter-out $(MAKES_OWN),$(shell GREP_OPTIONS= grep -o '[$$][(][A-Z][A-Z_]*[),]' $(THIS) | tr -d '$$(),' | sort -u)) \
  PYTHONHOME PYTHONINSPECT PYTHONOPTIMIZE PYTHONPATH PYTHONPLATLIBDIR PYTHONSAFEPATH PYTHONSTARTUP PYTHONWARNINGS \
  PIP_PREFIX PIP_PYTHON PIP_ROOT PIP_TARGET PIP_USER
INHERITED := $(foreach name,$(VARIABLES),$(if $(filter environment%,$(origin $(name))),$(name)))
IGNORED := $(filter-out $(if $(filter 0,$(PIP_USER)),PIP_USER),$(INHERITED))
$(foreach name,$(INHERITED),$(eval $(name) :=))
unexport $(VARIABLES)
export LAB_IGNORED := $(strip $(IGNORED) $(LAB_IGNORED))
# Goes before pip.conf, where `user = true` would put packages elsewhere than into .venv.
export PIP_USER := 0
# LANG=pt_BR chooses words. As a locale it may be a Latin-1 one, on a terminal that is not.
ifeq ($(origin LANG),command line)
unexport LANG
export LAB_LANG := $(LANG)
endif

PYTHON := $(or $(PYTHON),python3)
VENV := .venv/.installed
RIVALS := build/rivals/.installed
LAB := ./lab
PYTEST := .venv/bin/python -m pytest
# Where the Must-show runs find an order history, and where they keep their own networks and ports.
DATA := $(or $(DATA),../shared/data/northwind)
SHOW_DIR := build/show
SHOW_PORT := $(or $(SHOW_PORT),18021)
SHOW_DRIVERS := $(or $(SHOW_DRIVERS),process compose)
NEEDED = $(if $(filter compose,$(SHOW_DRIVERS)),REQUIRE_DOCKER=1)
HISTORIES := $(or $(HISTORIES),50)
FAULT := $(or $(FAULT),pause)
# The shell has a LANG too, by which the lab goes anyway.
SPOKEN = $(if $(filter command line,$(origin LANG)),--lang $(LANG))
# What Python compiles for one run it keeps for the next.
COMPILED := PYTHONDONTWRITEBYTECODE=
# The fast tests' files need no disk, and most of their time would be spent waiting for one.
FAST_ENV := $(if $(wildcard /dev/shm),PYTEST_DEBUG_TEMPROOT=/dev/shm) $(COMPILED)

# A verb that fails has said why in one line, and "make: *** Error 1" below it would say less. Make adds none in question mode
# (-q) where the exit status is 1; there it runs only what begins with a +. So that mode is for goals that are one call of
# the lab, once .venv is there; LAB_UNDER_MAKE makes 1 of every status but 0. Make 3 has no such case, and adds its line.
VERBS := $(shell awk '/^[a-z0-9-]+: [$$][(]VENV[)] [#][#] / {verb = $$1; lines = 0; next} \
  /^\t/ {if (lines++ || !/^\t@[$$][(]LAB[)]/ || /&&|;/) verb = ""; next} {if (lines) print verb; verb = ""; lines = 0}' \
  $(THIS) | tr -d :)
OTHERS := $(filter-out $(VERBS),$(or $(MAKECMDGOALS),help)) $(findstring n,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
ifeq ($(strip $(filter-out 4.%,$(MAKE_VERSION)) $(OTHERS)),)
include $(VENV)  # an empty file: make makes it where it is missing or old, and then begins anew
MAKEFLAGS += -q
LAB := +LAB_UNDER_MAKE=1 ./lab
endif

export LAB_RUN_DIR := $(RUN_DIR)
ifeq ($(strip $(LAB_RUN_DIR)),)
unexport LAB_RUN_DIR
endif

.DEFAULT_GOAL := help

.PHONY: help
help: ## Mostra esta lista | Show this list
	@awk -F ':.*## |##@ | [|] ' '/^##@ / {printf "\n%s | %s\n", $$2, $$3} /^[a-z0-9-]+:.*## / {printf "  make %-13s%s\n      %s\n      %s\n", $$1, $$4, $$2, $$3}' $(MAKEFILE_LIST)

##@ A rede | The network

.PHONY: up
up: $(VENV) ## Inicia a rede | Start the network | DRIVER=auto NODES=3 POLICY=escrow BASE_PORT=18001 RIGHTS=still FAULTS=0 UI=0 UI_PORT=18080 NODE_IMPL=lab|plain|DIR
	@$(LAB) up $(if $(filter 0,$(UI)),,--ui) $(if $(UI_PORT),--ui-port $(UI_PORT)) --driver $(or $(DRIVER),auto) $(if $(NODES),--nodes $(NODES)) $(if $(POLICY),--policy $(POLICY)) $(if $(BASE_PORT),--base-port $(BASE_PORT)) $(if $(RIGHTS),--rights $(RIGHTS)) $(if $(FAULTS),$(if $(filter 0,$(FAULTS)),--no-faults,--faults)) $(if $(NODE_IMPL),--node-impl "$(NODE_IMPL)")

.PHONY: down
down: $(VENV) ## Encerra todos os nós; os dados ficam | Stop every node; data stay
	@$(LAB) down

.PHONY: clean
clean: $(VENV) ## Encerra e apaga os dados da rede | Stop and remove the network's data
	@$(LAB) clean

.PHONY: status
status: $(VENV) ## Mostra estado, pendentes, falhas ativas e convergência | Show states, pending counts, active faults and convergence | LANG=pt_BR|en
	@$(LAB) status $(SPOKEN)

.PHONY: watch
watch: $(VENV) ## Acompanha a rede ao vivo | Watch the network live | LANG=pt_BR|en
	@$(LAB) watch $(SPOKEN)

.PHONY: ui
ui: $(VENV) ## Abre a sala de controle no navegador, ou um registro (RUN) | Open the control room in the browser, or a recorded run (RUN) | UI_PORT=18080 AUDIENCE=1 RUN=build/run/run.jsonl LANG=pt_BR|en
	@$(LAB) ui $(if $(RUN),"$(RUN)") $(if $(UI_PORT),--port $(UI_PORT)) $(if $(filter-out 0,$(AUDIENCE)),--audience) $(SPOKEN)

.PHONY: doctor
doctor: $(VENV) ## Procura os problemas mais comuns | Look for the commonest problems
	@$(LAB) doctor

.PHONY: base-image
base-image: $(VENV) ## Constrói a imagem base sem registro (root) | Build the base image without a registry (root)
	@$(LAB) base-image

##@ Quebrar e curar | Break and heal

.PHONY: partition
partition: $(VENV) ## Isola uma filial (a última, sem NODE) | Cut off a branch (the last one without NODE) | NODE=filial-sul FAULT=pause|stop|cut
	@$(LAB) partition $(NODE) --fault $(FAULT)

.PHONY: cut
cut: $(VENV) ## Corta o enlace entre duas filiais | Cut the link between two branches | A=matriz B=filial-sul ONE_WAY=1 LEASE=60
	@$(LAB) cut $(or $(A),$(error say between which branches: make cut A=matriz B=filial-sul)) $(or $(B),$(error say between which branches: make cut A=matriz B=filial-sul)) $(if $(ONE_WAY),--one-way) $(if $(LEASE),--lease $(LEASE))

.PHONY: slow
slow: $(VENV) ## Deixa lento o enlace entre duas filiais | Slow the link between two branches down | A=matriz B=filial-sul DELAY=800ms±200 ONE_WAY=1
	@$(LAB) slow $(or $(A),$(error say between which branches: make slow A=matriz B=filial-sul)) $(or $(B),$(error say between which branches: make slow A=matriz B=filial-sul)) $(or $(DELAY),800ms) $(if $(ONE_WAY),--one-way) $(if $(LEASE),--lease $(LEASE)) $(if $(SEED),--seed $(SEED))

.PHONY: flaky
flaky: $(VENV) ## Perde parte das chamadas entre duas filiais | Lose some of the calls between two branches | A=matriz B=filial-sul LOSS=30% ONE_WAY=1
	@$(LAB) flaky $(or $(A),$(error say between which branches: make flaky A=matriz B=filial-sul)) $(or $(B),$(error say between which branches: make flaky A=matriz B=filial-sul)) $(or $(LOSS),30%) $(if $(ONE_WAY),--one-way) $(if $(LEASE),--lease $(LEASE)) $(if $(SEED),--seed $(SEED))

.PHONY: duplicate
duplicate: $(VENV) ## Repete as chamadas entre duas filiais | Repeat the calls between two branches | A=matriz B=filial-sul COPIES=1 ONE_WAY=1
	@$(LAB) duplicate $(or $(A),$(error say between which branches: make duplicate A=matriz B=filial-sul)) $(or $(B),$(error say between which branches: make duplicate A=matriz B=filial-sul)) $(if $(COPIES),--copies $(COPIES)) $(if $(ONE_WAY),--one-way) $(if $(LEASE),--lease $(LEASE))

.PHONY: reorder
reorder: $(VENV) ## Troca a ordem das chamadas entre duas filiais | Let calls between two branches overtake each other | A=matriz B=filial-sul SHARE=50% ONE_WAY=1
	@$(LAB) reorder $(or $(A),$(error say between which branches: make reorder A=matriz B=filial-sul)) $(or $(B),$(error say between which branches: make reorder A=matriz B=filial-sul)) $(SHARE) $(if $(ONE_WAY),--one-way) $(if $(LEASE),--lease $(LEASE)) $(if $(SEED),--seed $(SEED))

.PHONY: disk-full
disk-full: $(VENV) ## Enche o disco de uma filial | Fill the disk of a branch | NODE=filial-sul LEASE=60
	@$(LAB) disk-full $(or $(NODE),$(error say which branch: make disk-full NODE=filial-sul)) $(if $(LEASE),--lease $(LEASE))

.PHONY: forge
forge: $(VENV) ## Envia a um nó mensagens falsas e conta as respostas | Send a node false messages and count its answers | KIND=repeated|replayed|tampered|forged|stale-token A=matriz B=filial-sul TIMES=5
	@$(LAB) forge $(or $(KIND),$(error say which kind: make forge KIND=tampered)) $(A) $(B) $(if $(TIMES),--times $(TIMES))

.PHONY: batch
batch: $(VENV) ## Deixa um nó enviar poucos eventos por vez | Let a node send few events at a time | NODE=matriz N=1 LEASE=60
	@$(LAB) batch $(or $(NODE),$(error say which branch: make batch NODE=matriz N=1)) $(or $(N),$(error say how many events: make batch NODE=matriz N=1)) $(if $(LEASE),--lease $(LEASE))

.PHONY: skew
skew: $(VENV) ## Adianta ou atrasa o relógio de um nó | Let the clock of a node go wrong | NODE=filial-sul BY=+10m LEASE=60
	@$(LAB) skew $(or $(NODE),$(error say which branch: make skew NODE=filial-sul BY=+10m)) $(or $(BY),$(error say by how much: make skew NODE=filial-sul BY=+10m)) $(if $(LEASE),--lease $(LEASE))

.PHONY: pause
pause: $(VENV) ## Congela um nó | Freeze a node | NODE=filial-sul
	@$(LAB) pause $(or $(NODE),$(error say which branch: make pause NODE=filial-sul))

.PHONY: resume
resume: $(VENV) ## Deixa um nó congelado seguir | Let a frozen node go on | NODE=filial-sul
	@$(LAB) resume $(or $(NODE),$(error say which branch: make resume NODE=filial-sul))

.PHONY: stop
stop: $(VENV) ## Para um nó | Stop a node | NODE=filial-sul
	@$(LAB) stop $(or $(NODE),$(error say which branch: make stop NODE=filial-sul))

.PHONY: kill
kill: $(VENV) ## Derruba um nó, como a falta de energia | End a node at once, as a power cut does | NODE=filial-sul
	@$(LAB) kill $(or $(NODE),$(error say which branch: make kill NODE=filial-sul))

.PHONY: start
start: $(VENV) ## Inicia um nó parado | Start a stopped node | NODE=filial-sul
	@$(LAB) start $(or $(NODE),$(error say which branch: make start NODE=filial-sul))

.PHONY: chaos
chaos: $(VENV) ## Quebra nós por um roteiro sorteado e depois cura | Break nodes by a seeded schedule, then heal | SECONDS=60 SEED=1
	@$(LAB) chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

.PHONY: heal
heal: $(VENV) ## Desfaz todas as falhas e espera pendentes = 0 | Undo every fault and wait until pending is 0
	@$(LAB) heal

##@ Discos e contagens | Disks and counts

.PHONY: backup
backup: $(VENV) ## Copia o banco de um nó para um arquivo | Copy a node's database to a file | NODE=filial-sul FILE=copy.db
	@$(LAB) backup $(or $(NODE),$(error say which branch: make backup NODE=filial-sul FILE=copy.db)) "$(or $(FILE),$(error say to which file: make backup NODE=filial-sul FILE=copy.db))"

.PHONY: restore
restore: $(VENV) ## Põe uma cópia no lugar do banco de um nó | Put a copy in the place of a node's database | NODE=filial-sul FILE=copy.db YES=1
	@$(LAB) restore $(or $(NODE),$(error say which branch: make restore NODE=filial-sul FILE=copy.db)) "$(or $(FILE),$(error say from which file: make restore NODE=filial-sul FILE=copy.db))" $(if $(YES),--yes)

.PHONY: wipe
wipe: $(VENV) ## Perde o disco de um nó | Lose the disk of a node | NODE=filial-sul YES=1
	@$(LAB) wipe $(or $(NODE),$(error say which branch: make wipe NODE=filial-sul)) $(if $(YES),--yes)

.PHONY: count
count: $(VENV) ## Conta a prateleira depois de um disco perdido | Count the shelf after a disk was lost | SKU=CAFE-500 GONE=3
	@$(LAB) count "$(or $(SKU),$(error say which product: make count SKU=CAFE-500 GONE=3))" --gone $(or $(GONE),$(error say how many units are gone: make count SKU=CAFE-500 GONE=3))

.PHONY: salvage
salvage: $(VENV) ## Traz de volta o que um arquivo danificado ainda guarda | Bring back what a damaged file still holds | NODE=filial-sul SHOW=1 FOUND=1 YES=1
	@$(LAB) salvage $(or $(NODE),$(error say which branch: make salvage NODE=filial-sul)) $(if $(SHOW),--show) $(if $(FOUND),--found) $(if $(YES),--yes)

.PHONY: decommission
decommission: $(VENV) ## Desativa de vez uma filial perdida | Decommission a branch that is gone for good | NODE=filial-sul WITHOUT_MAJORITY=1
	@$(LAB) decommission $(or $(NODE),$(error say which branch: make decommission NODE=filial-sul)) $(if $(WITHOUT_MAJORITY),--without-majority)

.PHONY: reset-admin
reset-admin: $(VENV) ## Devolve o acesso quando ninguém consegue entrar | Get back in where nobody can log in | NODE=matriz YES=1
	@$(LAB) reset-admin $(or $(NODE),$(error say which branch: make reset-admin NODE=matriz)) $(if $(YES),--yes)

.PHONY: parked
parked: $(VENV) ## Lista os eventos que um nó não pôde aplicar | List the events that a node could not apply | NODE=filial-sul REPLAY=1
	@$(LAB) parked $(or $(NODE),$(error say which branch: make parked NODE=filial-sul)) $(if $(REPLAY),--replay)

.PHONY: altered
altered: $(VENV) ## Lista as linhas que algo de fora mudou | List the rows that something else changed | NODE=filial-sul ACCEPT=1 YES=1
	@$(LAB) altered $(or $(NODE),$(error say which branch: make altered NODE=filial-sul)) $(if $(ACCEPT),--accept) $(if $(YES),--yes)

.PHONY: adopt
adopt: $(VENV) ## Dá a esta pasta uma rede movida ou que sobrou | Make this folder the home of a moved or left network | NAME=acme-1234abcd
	@$(LAB) adopt$(if $(NAME), $(NAME))

.PHONY: sweep
sweep: $(VENV) ## Remove o que sobrou de pastas apagadas | Remove what removed folders left over | NAME=acme-1234abcd YES=1
	@$(LAB) sweep$(if $(NAME), $(NAME))$(if $(YES), --yes)

##@ Ver e conferir | Watch and judge

.PHONY: demo
demo: $(VENV) ## Um minuto: uma filial isolada, curada e conferida | A minute: a branch cut off, healed and checked | LANG=pt_BR|en FAULT=pause|stop BASE_PORT=18001 NODE_IMPL=plain
	@$(LAB) demo --driver $(or $(DRIVER),auto) --fault $(FAULT) $(if $(BASE_PORT),--base-port $(BASE_PORT)) $(if $(NODE_IMPL),--node-impl "$(NODE_IMPL)") $(SPOKEN)

.PHONY: load
load: $(VENV) ## Muitos operadores em todas as filiais, e a conferência | Many operators at all branches, and the verdict | USERS=50 TIME=60s SUITE=mixed|hot-product|login-storm|read-heavy|classroom|rush-hour WORKERS=4 BASE_PORT=18001 NODE_IMPL=plain
	@$(LAB) load --users $(or $(USERS),50) --time $(or $(TIME),60s) --driver $(or $(DRIVER),auto) $(if $(BASE_PORT),--base-port $(BASE_PORT)) $(if $(SUITE),--suite $(SUITE)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(NODE_IMPL),--node-impl "$(NODE_IMPL)")

.PHONY: load-ui
load-ui: $(VENV) ## O mesmo pela página do Locust em 127.0.0.1:18089 | The same on Locust's page at 127.0.0.1:18089 | SUITE=mixed WORKERS=4 UI_PORT=18089 BASE_PORT=18001
	@$(LAB) load --ui --driver $(or $(DRIVER),auto) $(if $(UI_PORT),--ui-port $(UI_PORT)) $(if $(BASE_PORT),--base-port $(BASE_PORT)) $(if $(SUITE),--suite $(SUITE)) $(if $(WORKERS),--workers $(WORKERS))

.PHONY: demo-data
demo-data: $(VENV) ## Escreve um histórico de exemplo como CSV | Write an example history as CSV | DIR=build/demo
	@$(LAB) demo-data $(if $(DIR),"$(DIR)")

.PHONY: replay
replay: $(VENV) ## Repete um histórico de pedidos | Replay an order history | DIR=folder
	@$(LAB) replay "$(or $(DIR),$(error say which history: make replay DIR=path))"

.PHONY: run
run: $(VENV) ## Executa um cenário, ou lista todos | Run a scenario, or list them all | SCENARIO=last-unit-two-nodes DRIVER=process|compose NODE_IMPL=plain
	@$(LAB) run $(or $(SCENARIO),--list) $(if $(DRIVER),--driver $(DRIVER)) $(if $(NODE_IMPL),--node-impl "$(NODE_IMPL)")

.PHONY: lesson
lesson: $(VENV) ## A aula: nove cenários previstos, vistos e explicados | The lesson: nine scenarios predicted, seen and explained | ONLY="s2 s4" DRIVER=process|compose FAST=1 UNATTENDED=1 LANG=pt_BR|en
	@$(LAB) lesson $(ONLY) $(if $(DRIVER),--driver $(DRIVER)) $(if $(FAST),--fast) $(if $(UNATTENDED),--unattended) $(SPOKEN)

.PHONY: report
report: $(VENV) ## Uma página com gráficos, vereditos e previsões | One page with charts, verdicts and predictions | FILE=log of a run (the newest one) OUT=build/report.html LANG=pt_BR|en
	@$(LAB) report $(if $(FILE),"$(FILE)") $(if $(OUT),--out "$(OUT)") $(SPOKEN)

.PHONY: export
export: $(VENV) ## Um registro para ShiViz, Jepsen ou uma planilha | A run log for ShiViz, Jepsen or a spreadsheet | FOR=shiviz|jepsen|csv FILE=log of a run (the newest one) OUT=build/run.csv
	@$(LAB) export $(if $(FILE),"$(FILE)") --$(or $(FOR),csv) $(if $(OUT),--out "$(OUT)")

.PHONY: slides
slides: $(VENV) ## Os slides da aula, uma página por língua | The lesson's slides, a page for each language | OUT=build/slides
	@$(LAB) slides $(if $(OUT),--out "$(OUT)")

.PHONY: conform climb ladder
conform: $(VENV) ## Confere se nós cumprem o contrato, rota por rota | Check that nodes keep the contract, route by route | URL="http://… http://…"
	@$(LAB) conform $(URL)

climb: $(VENV) ## Sete exercícios para um nó seu, um mais difícil que o outro | Seven exercises for a node of yours, each harder | NODE_IMPL=DIR ONLY=3
	@$(LAB) climb $(if $(NODE_IMPL),--node-impl "$(NODE_IMPL)") $(if $(ONLY),--only $(ONLY))

ladder: climb

.PHONY: torture
torture: $(VENV) ## Vende em todas as filiais enquanto tudo quebra, cura e julga | Sell everywhere while all breaks, heal and judge | MINUTES=3 SEED=1 DRIVER=auto NODES=3
	@$(LAB) torture --minutes $(or $(MINUTES),3) --driver $(or $(DRIVER),auto) $(if $(SEED),--seed $(SEED)) $(if $(NODES),--nodes $(NODES)) $(if $(BASE_PORT),--base-port $(BASE_PORT))

.PHONY: verify
verify: $(VENV) ## Julga uma execução só pelo seu registro | Judge a run by its run log alone | FILE=log of a run (the newest one)
	@$(LAB) verify$(if $(FILE), "$(FILE)")

.PHONY: runs
runs: $(VENV) ## Lista as execuções, seus vereditos e registros | List the runs, their verdicts and logs
	@$(LAB) runs

##@ Procurar erros | Look for bugs

.PHONY: simulate
simulate: $(VENV) ## Simula histórias com tempo virtual | Simulate histories in virtual time | HISTORIES=50 SEED=1|fresh JOBS=2 NODES=3 WIPES=1 LIARS=1
	@$(LAB) simulate --histories $(HISTORIES) $(if $(filter fresh,$(SEED)),--fresh,$(if $(SEED),--seed $(SEED))) $(if $(TWICE),--twice $(TWICE)) $(if $(JOBS),--jobs $(JOBS)) $(if $(NODES),--nodes $(NODES)) $(if $(WIPES),--wipes) $(if $(LIARS),--liars)

.PHONY: teeth
teeth: $(VENV) ## Planta erros no código e confere que todos são pegos | Plant bugs in the code and see each one caught | ONLY=cursor JOBS=2
	@$(LAB) teeth $(if $(ONLY),--only "$(ONLY)") $(if $(JOBS),--jobs $(JOBS))

.PHONY: model
model: $(VENV) ## Um milhão de histórias só das regras de estoque | A million histories of the stock rules alone | HISTORIES=1000000 SEED=1 JOBS=2 DEMAND=1
	@$(LAB) model $(if $(filter command line,$(origin HISTORIES)),--histories $(HISTORIES)) $(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $(JOBS)) $(if $(DEMAND),--demand)

##@ Medir | Measure

.PHONY: bench
bench: $(VENV) $(RIVALS) ## Mede um nó ao lado do que faria o mesmo | Measure a node beside what would do the same | QUICK=1 ONLY=orders ROUNDS=5 RECORD=1
	@.venv/bin/python -m loadtests.bench --rivals build/rivals/bin/python $(if $(QUICK),--quick) $(if $(ONLY),--only "$(ONLY)") $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(RECORD),--record) $(if $(ORDERS),--orders $(ORDERS)) $(if $(BEFORE),--before "$(BEFORE)") $(if $(BASE_PORT),--base-port $(BASE_PORT))

.PHONY: bench-soak
bench-soak: $(VENV) ## Meia hora à metade do ritmo máximo: a memória cresce? | Half an hour at half the top rate: does memory grow? | MINUTES=30
	@.venv/bin/python -m loadtests.bench.soak --minutes $(or $(MINUTES),30) $(if $(BASE_PORT),--base-port $(BASE_PORT))

##@ Desenvolver | Develop

.PHONY: pythons
pythons: $(VENV) ## Roda os testes rápidos em cada Python daqui e no da imagem | Run the fast tests on every Python here and the image's | ONLY=3.12 JOBS=2
	@$(LAB) pythons $(if $(ONLY),--only "$(ONLY)") $(if $(JOBS),--jobs $(JOBS))

.PHONY: check
check: $(VENV) ## Estilo, tipos, arquitetura e testes rápidos | Style, types, architecture and the fast tests
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target lint fast

.PHONY: fast
fast: $(VENV)
	@$(FAST_ENV) $(PYTEST) -q -n auto -m "not whole and not long and not cluster and not compose" services/node/tests services/plain/tests branchlab/tests

.PHONY: lint
lint: $(VENV)
	@.venv/bin/ruff check --quiet . && .venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy services/node/app services/node/tests && .venv/bin/mypy services/plain/plain services/plain/tests
	@.venv/bin/mypy branchlab tests $(wildcard loadtests/*.py loadtests/bench/*.py loadtests/bench/*/*.py)
	@PYTHONPATH=services/node:services/plain .venv/bin/lint-imports --no-cache

# It makes clients of the nodes' OpenAPI document, in an environment of its own (requirements-client.in).
# What has lanes needs it beforehand: while one lane made it, make would give the other to what comes after.
CLIENT := build/client/.installed
$(CLIENT): requirements-client.txt
	@$(PYTHON) -m venv build/client
	@build/client/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-client.txt
	@touch $@

.PHONY: test
test: $(VENV) $(CLIENT) ## Tudo o que o check faz e todos os testes curtos | What check does and every test that is not long
	@$(MAKE) --no-print-directory --jobs=5 --keep-going --output-sync=line burning timed containers processes pages

# What needs no node only burns, while nodes wait most of their time. So it runs beside them and yields: it gets the
# processors whenever they leave them. When a lane of nodes has ended, two parts of it run at once.
.PHONY: burning without-nodes histories wipes
burning: $(VENV)
	@nice -n 19 $(MAKE) --no-print-directory lint without-nodes teeth histories wipes
without-nodes: $(VENV)
	@$(FAST_ENV) $(PYTEST) -q -n auto -m "not long and not cluster and not compose"
# Other histories with every change, and the same ones for the same code: what fails can be repeated.
CONTENT = $(shell git rev-parse --short=7 'HEAD^{tree}' 2>/dev/null || echo 1)
histories: $(VENV)
	@$(LAB) simulate --seed $$(( 0x$(CONTENT) )) --histories 500 --jobs 1
wipes: $(VENV)
	@$(LAB) simulate --seed $$(( 0x$(CONTENT) )) --histories 100 --wipes --twice 0.1 --jobs 1

# Containers share images, so theirs run one by one; and so do the tests whose clients work until a time is over, for two of
# them at once would leave each too little. Chromium burns more than nodes do, and nobody in its tests has a limit on time.
.PHONY: timed containers processes pages
timed: $(VENV)
	@$(COMPILED) $(PYTEST) -q -m "cluster and timed and not long" tests
containers: $(VENV)
	@$(COMPILED) $(PYTEST) -q -m "compose and not long" tests
processes: $(VENV) $(CLIENT)
	@$(COMPILED) $(PYTEST) -q -m "cluster and not browser and not timed and not long" tests
pages: $(VENV)
	@$(COMPILED) nice -n 10 $(PYTEST) -q -m "cluster and browser and not timed and not long" tests

.PHONY: test-long
test-long: northwind-3 northwind-4 scenarios kill-nine show-a-4 audit sbom pythons ## Os cenários por inteiro e 500 histórias simuladas | Every scenario at full length and 500 simulated histories
	@$(LAB) simulate --histories 500
	@$(PYTEST) -m long

# Tools of their own, which neither a node nor the lab imports.
AUDIT := build/audit/.installed
$(AUDIT): requirements-audit.txt
	@$(call announce,Instalando as ferramentas de auditoria em build/audit…,Installing the audit's tools into build/audit…)
	@$(PYTHON) -m venv build/audit
	@$(call install,build/audit,requirements-audit.txt)
	@touch $@

.PHONY: audit
audit: $(VENV) $(AUDIT) ## Procura avisos de segurança dos pacotes fixados | Look for security advisories of the locked packages
	@$(LAB) audit

.PHONY: sbom
sbom: $(AUDIT) ## Escreve a lista dos componentes de um nó (CycloneDX) | Write the bill of a node's components (CycloneDX)
	@build/audit/bin/cyclonedx-py requirements services/node/requirements.txt --output-reproducible --of JSON -o build/sbom.json && echo "build/sbom.json lists the components of a node"

.PHONY: lock
lock: ## Renova os arquivos de versões | Renew the lock files
	@$(call announce,Renovando os arquivos de versões; pode levar um minuto…,Renewing the lock files; it may take a minute…)
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	@build/lock/bin/uv pip compile $(LOCK_OPTIONS) services/node/requirements.in -o services/node/requirements.txt
	@build/lock/bin/uv pip compile $(LOCK_OPTIONS) requirements.in -o requirements.txt
	@build/lock/bin/uv pip compile $(LOCK_OPTIONS) requirements-client.in -o requirements-client.txt
	@build/lock/bin/uv pip compile $(LOCK_OPTIONS) requirements-audit.in -o requirements-audit.txt
	@build/lock/bin/uv pip compile $(LOCK_OPTIONS) requirements-bench.in -o requirements-bench.txt
LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

# What a node is compared with (requirements-bench.in).
$(RIVALS): requirements-bench.txt
	@$(call announce,Instalando o que make bench compara em build/rivals…,Installing what make bench compares into build/rivals…)
	@$(PYTHON) -m venv build/rivals
	@$(call install,build/rivals,requirements-bench.txt)
	@touch $@

# The stamp makes the first `make up` on a fresh clone install everything, and later ones nothing.
$(VENV): requirements.txt services/node/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	@$(call announce,Instalando os pacotes em .venv; só desta vez. Pode levar dois minutos…,Installing the packages into .venv; only this once. It may take two minutes…)
	@$(PYTHON) -m venv .venv
	@$(call install,.venv,requirements.txt)
	@touch $@

# On standard error, so that `./lab status --json` stays JSON the first time, too. Where no terminal shows pip's own bars,
# each package is one line.
announce = echo "$(1) | $(2)" >&2
install = ask=($(1)/bin/python -m pip install --disable-pip-version-check --require-hashes -r $(2)); \
  if [ -t 2 ]; then "$${ask[@]}" >&2; else set -o pipefail; "$${ask[@]}" --progress-bar off | \
  while read -r word package _; do case $$word in Collecting) echo "  $$package";; Installing) echo "  …";; esac; done >&2; fi

##@ Demonstrar | Show

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
	@for scenario in $$($(LAB) run --list seed --names); do $(LAB) run $$scenario || exit 1; done
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
	@for driver in $(SHOW_DRIVERS); do for scenario in $$($(LAB) run --list cut --names); do $(LAB) run $$scenario --driver $$driver || exit 1; done; done
show-a2-2: $(VENV)
	@$(PYTEST) -n auto services/node/tests/recovery services/node/tests/sync services/node/tests/database
show-a2-3: $(VENV)
	@$(NEEDED) $(PYTEST) tests/verbs/test_fault_verbs.py tests/verbs/test_promises.py
show-a2-4: show-lost-disk

.PHONY: show-lost-disk
show-lost-disk: $(VENV) ## Demonstra discos perdidos, restaurados, estragados e cheios | Show disks lost, restored, damaged and full
	@for driver in $(SHOW_DRIVERS); do for scenario in $$($(LAB) run --list disk --names); do $(LAB) run $$scenario --driver $$driver || exit 1; done; done
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

.PHONY: show-e show-e-1 show-e-2 show-e-3 show-e-4 show-e-5
show-e: show-e-1 show-e-2 show-e-3 show-e-4 show-e-5 ## Demonstra que a rede é difícil de quebrar | Show that the network is hard to break

show-e-1: $(VENV)
	@PYTHONPATH=.:services/node .venv/bin/python -m tests.attacks $(if $(ONLY),--only "$(ONLY)")
show-e-2: $(VENV)
	@.venv/bin/python -m loadtests.bench.overload
show-e-3: $(VENV)
	@$(LAB) simulate --histories $(if $(filter command line,$(origin HISTORIES)),$(HISTORIES),1000) --liars --twice 0.05
show-e-4: show-c-5
show-e-5: teeth

.PHONY: show-f show-f-1 show-f-2 show-f-3 show-f-4 show-f-5
show-f: show-f-1 show-f-2 show-f-3 show-f-4 show-f-5 ## Demonstra que o veredito é verdadeiro | Show that a verdict is true

show-f-1: $(VENV)
	@$(PYTEST) -q branchlab/tests/test_verdict*.py branchlab/tests/test_checker*.py branchlab/tests/test_lease.py branchlab/tests/test_runs.py branchlab/tests/test_pace.py branchlab/tests/test_run.py services/node/tests/sync/test_backup.py
	@$(PYTEST) tests/cluster/test_true_verdicts.py
show-f-2: $(VENV) $(CLIENT)
	@$(PYTEST) -q services/node/tests/api/test_strictness.py services/node/tests/api/test_strict_commands.py services/node/tests/api/test_entered_texts.py services/node/tests/sync/test_older_texts.py services/node/tests/test_characters.py branchlab/tests/test_characters.py tests/test_lab_characters.py
	@$(PYTEST) -q services/node/tests/api/test_document.py services/node/tests/api/test_reference.py
	@REQUIRE_BROWSER=1 REQUIRE_CLIENT_GENERATOR=1 $(PYTEST) tests/cluster/test_generated_client.py tests/cluster/test_pages.py
show-f-3: $(VENV)
	@$(PYTEST) -q branchlab/tests/test_replay_*.py tests/test_lab_rules.py services/node/tests/sync/test_long_orders.py
	@$(PYTEST) -s tests/cluster/test_import.py
show-f-4: $(VENV)
	@$(PYTEST) -q branchlab/tests/test_rough_*.py
	@$(NEEDED) $(PYTEST) tests/cluster/test_rough_machines.py $(if $(filter compose,$(SHOW_DRIVERS)),tests/compose/test_rough_machines.py)
	@$(PYTEST) -q tests/cluster/test_ctrl_c.py
	@$(LAB) pythons
	@$(PYTEST) -q branchlab/tests/test_homes.py branchlab/tests/test_leftovers.py branchlab/tests/test_secrets_fit.py branchlab/tests/test_disks.py branchlab/tests/test_doctor_homes.py
	@$(NEEDED) $(PYTEST) tests/verbs/test_copied_folder.py $(if $(filter compose,$(SHOW_DRIVERS)),tests/compose/test_adoption.py)
show-f-5: $(VENV)
	@$(PYTEST) -q branchlab/tests/test_status*.py branchlab/tests/test_watch.py branchlab/tests/test_keyboard.py branchlab/tests/test_stock_counts.py branchlab/tests/test_reasons.py branchlab/tests/test_steps.py branchlab/tests/test_told.py branchlab/tests/test_readiness.py branchlab/tests/test_convergence.py branchlab/tests/test_run.py tests/test_reasons.py services/node/tests/sync/test_transport.py
	@$(PYTEST) tests/cluster/test_reading.py
	@$(PYTEST) -q tests/test_commands.py branchlab/tests/test_makefile.py tests/verbs/test_readme.py -m "not cluster and not compose"
	@for driver in $(SHOW_DRIVERS); do $(NEEDED) $(PYTEST) tests/verbs/test_readme.py -k "test_the_walk and $$driver" || exit 1; done

.PHONY: show-g show-g-1 show-g-2 show-g-3
show-g: show-g-1 show-g-2 show-g-3 ## Demonstra que um nó é tão rápido quanto a máquina | Show that a node is as fast as the machine

# Judges what `make bench` measured, and measures first where nothing is there; `make bench show-g-1` measures anew.
show-g-1: $(VENV)
	@test -f build/bench.json || $(MAKE) --no-print-directory bench
	@.venv/bin/python -m loadtests.bench.judge
show-g-2: bench-soak
# Mirrors are compared with the file after each group of every simulated history.
show-g-3: show-c-5

.PHONY: show-d show-d-1 show-d-2 show-d-3
show-d: show-d-1 show-d-2 show-d-3 ## Demonstra que o comportamento não mudou e que toda pasta tem sua linha | Show that behaviour is as before and every room has its line | BEFORE=HEAD~1 PLAIN=150 LOST=50

# Both digests of every seed stand in build/house-digests.txt: those of the commit BEFORE and those of this tree.
show-d-1: $(VENV)
	@PYTHONPATH=.:services/node .venv/bin/python -m tests.simulation.digests --before $(or $(BEFORE),HEAD~1) --plain $(or $(PLAIN),150) --wipes $(or $(LOST),50) --jobs $(or $(JOBS),2)
show-d-2: $(VENV)
	@TIMEFORMAT='make check took %R s by the clock; of processors %U s in programs and %S s in the system'; time $(MAKE) --no-print-directory check
show-d-3: $(VENV)
	@$(PYTEST) tests/test_rooms.py

.PHONY: show-h show-h-1 show-h-2 show-h-3 show-h-4 show-h-5
show-h: show-h-1 show-h-2 show-h-3 show-h-4 show-h-5 ## Demonstra a sala de controle, a aula e os outros nós | Show the control room, the lesson and other nodes

# The screens against the nodes, in Chromium; the whole lesson; the report's own node; nodes that people bring.
show-h-1: $(VENV)
	@$(PYTEST) tests/cluster/room/test_room.py tests/cluster/room/test_room_lesson.py
show-h-2: $(VENV)
	@for driver in $(SHOW_DRIVERS); do $(LAB) lesson --unattended --driver $$driver || exit 1; done
show-h-3: $(VENV)
	@$(PYTEST) tests/cluster/test_contrast.py tests/cluster/test_scenarios.py -k "page or (process and (replicates or overwritten or cut-both or killed or forged or wiped))"
show-h-4: $(VENV)
	@$(PYTEST) tests/cluster/test_own_nodes.py
	@$(NEEDED) $(PYTEST) $(if $(filter compose,$(SHOW_DRIVERS)),tests/compose/test_other_nodes.py,branchlab/tests/test_ladder.py)
# How old what a screen shows is, against the nodes; and whether a session of two hours stays as small as a short one.
show-h-5: $(VENV)
	@.venv/bin/python -m tests.cluster.screen_age
	@.venv/bin/python -m tests.cluster.screen_memory
