# The short names for everything. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test dev bench build setup sizes test-fast fmt domain clippy docs integration postgres browser \
        up down logs up-local down-local check-deploy health seed-dataset seed-access list-datasets list-jobs-go cli-run clean


help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'

demo: ## build everything and run the demo on http://127.0.0.1:8080 (HISTORY=NAME or HISTORY="EVENTS OBJECTS" loads a real history, SEED=N invents another)
	@scripts/demo.sh $(HISTORY) $(OBJECTS) $(if $(SEED),-- --seed $(SEED))

test: ## all tests, cheapest first (installs what they need)
	@scripts/test.sh all

test-fast: ## format, domain and lints only
	@scripts/test.sh fmt domain clippy

fmt domain clippy docs integration postgres browser: ## one lane of the tests
	@scripts/test.sh $@

dev: ## run the server and rebuild on every change
	@scripts/dev.sh

bench: ## ratios against named baselines, built for release: make bench [BENCH=ingest]
	@scripts/bench.sh $(or $(BENCH),ingest)

.PHONY: bench-mover
bench-mover: ## a move beside cp, rsync and rclone, read back and compared: make bench-mover [ARGS="--rounds 5 --small 0"]
	@scripts/bench.sh mover $(ARGS)

build: ## server and site, as `make demo` builds them
	@scripts/setup.sh run
	@scripts/build.sh release

setup: ## what building and testing need
	@scripts/setup.sh test

sizes: ## size of WASM and program, idle memory, cold start
	@scripts/sizes.sh

COMPOSE = docker compose -f deploy/docker/docker-compose.yml

up: ## the stack in containers: API, mover, Redpanda, Postgres (PROFILE=extended: nginx, Prometheus, Grafana, Kafka console, SeaweedFS too)
	@test -f deploy/docker/.env || { echo "copy deploy/docker/.env.example to deploy/docker/.env first" >&2; exit 1; }
	$(COMPOSE) $(if $(PROFILE),--profile $(PROFILE)) up -d --build

down: ## stop the containers (VOLUMES=yes deletes their data)
	$(COMPOSE) --profile extended down $(if $(VOLUMES),--volumes)

logs: ## follow the containers' logs
	$(COMPOSE) --profile extended logs -f

up-local: ## the same as plain processes: Kafka, Postgres, two web nodes, two movers, nginx, Prometheus
	@scripts/local.sh up

down-local: ## stop them; the data stays in .local
	@scripts/local.sh down

check-deploy: ## what can be checked of deploy/ without a container engine
	@scripts/local.sh check

health: ## ask every part of the running server
	@scripts/dim.sh health

seed-dataset: ## create the guide's dataset on the running server
	@scripts/dim.sh datasets create --name demo-dataset \
	  --path-uri "$${PATH_URI:-file:///shared_storage/demo-dataset}" --size-bytes "$${SIZE_BYTES:-1048576}"

seed-access: ## post the guide's access events (DATASET_ID=1)
	@for event in "8192 11.4" "4096 9.8" "65536 14.2" "8192 10.9" "131072 22.7"; do \
	  set -- $$event; \
	  scripts/dim.sh access --dataset-id "$${DATASET_ID:-1}" --op read --size-bytes $$1 --client-lat-ms $$2 || exit $$?; \
	done

list-datasets: ## datasets of the running server
	@scripts/dim.sh datasets list

list-jobs-go: ## jobs as the mover sees them
	@scripts/dim.sh jobs list --source go

cli-run: ## any command: make cli-run ARGS="recommendations --dataset-id 1"
	@scripts/dim.sh $(ARGS)

clean: ## remove what was built (tools in .tools stay)
	cargo clean
	rm -rf end2end/artifacts end2end/test-results
