# Giro. `make` without a target lists these lines.

DATA ?= ../shared/data/berka-1999
FOR  ?= 1m

.DEFAULT_GOAL := help
.PHONY: help needs build run test check berka bench guard simulate kill torture board torture-long histories histories-long overload growth asleep lab nats-cli generate deps-postgres clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

needs:
	@command -v go >/dev/null || { echo "Giro needs Go 1.26 or newer, and there is no go command: see https://go.dev/dl"; exit 1; }
	@have=$$(go env GOVERSION 2>&1) && printf 'go1.26\n%s\n' "$$have" | sort -CV || { echo "Giro needs Go 1.26 or newer, this is $$have: see https://go.dev/dl"; exit 1; }
	@test "$$(go env CGO_ENABLED)" = 1 || { echo "Giro needs a C compiler (gcc or clang) and CGO_ENABLED=1, because SQLite is written in C"; exit 1; }

deps-postgres: ## install Postgres for the tests, where it is missing
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
		sudo=; test "$$(id -u)" = 0 || sudo='sudo -n'; \
		$$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends postgresql; }

build: needs ## build ./giro
	@test -x giro || echo "Building Giro. The first time it takes about a minute, most of it for SQLite."
	@go build -buildvcs=auto ./cmd/giro

run: build ## run 200 transfers between a handful of banks
	@rm -rf giro-data/demo
	@./giro run examples/transfers.csv --accounts examples/accounts.csv --data giro-data/demo

test: needs ## what a change needs, in minutes
	go vet ./...
	go test -short -timeout 10m $$(go list ./... | grep -v -e /crash -e /torture -e /overload)
	go test -short -timeout 10m ./internal/torture
	go test -short -timeout 10m ./internal/overload
	go test -timeout 10m ./internal/crash -args -crash.transfers=400 -crash.kills=5 -crash.wipes=1 -crash.takeovers=1

check: needs ## everything, with the race detector
	go vet ./...
	go test -race -timeout 30m $$(go list ./... | grep -v /overload)
	go test -short -race -timeout 10m ./internal/overload
	$(MAKE) simulate

berka: needs ## run 6,471 real payment orders from DATA
	@test -f $(DATA)/transfers.csv || { echo "The Berka data is not in DATA=$(DATA): it needs transfers.csv, accounts.csv and accounts-poor.csv"; exit 1; }
	go test -count=1 -v ./internal/berka -args -berka.data=$(abspath $(DATA))

bench: build ## measure sagas a second, and with what durability
	./giro bench

guard: build ## warn where Giro's share of the floor is worse than recorded, in a minute
	./giro bench floor --clients 1,256 --duration 3s --rounds 3 --against docs/performance/shares.json

simulate: needs ## look for an order of faults that breaks a promise, FOR=1m
	go test -count=1 -v -timeout 0 -run 'TestSimulate$$' ./saga/sagatest -args -simulate.for=$(FOR)

kill: needs ## kill -9 real processes and delete the broker's store under load
	go test -count=1 -v -timeout 15m ./internal/crash

torture: build ## break everything for a minute while money moves, and judge it
	./giro torture

board: build ## the board of docs/reliability.md in its short form, a line a row
	./giro torture board

torture-long: build ## the same for hours
	./giro torture board --long

lab: build ## measure everything in docs/races.md again, 100,000 operations a cell
	@mkdir -p docs/races
	./giro lab --ops 100000 --charts docs/races -o json > docs/races/experiments.json
	./giro lab sweep --ops 5000 --charts docs/races -o json > docs/races/sweep.json
	go test -count=1 ./docs -run TestRacesPage -update

histories: needs ## check 100 histories of many clients, per id, per account and in sum
	go test -count=1 -v -timeout 15m -run 'TestHistories$$' ./internal/histories -args -histories.runs=100

histories-long: needs ## the same with 5,000
	go test -count=1 -v -timeout 0 -run 'TestHistories$$' ./internal/histories -args -histories.runs=5000

asleep: needs ## what sagas that wait for days cost, 10,000 and 100,000 of them
	go test -count=1 -v -timeout 30m ./internal/asleep -args -asleep.sagas=10000
	go test -count=1 -v -timeout 30m ./internal/asleep -args -asleep.sagas=100000

overload: needs ## ask for ten times too much, and for 100,000 open sagas; it takes half an hour
	go test -count=1 -v -timeout 90m ./internal/overload -args -overload.for=30s -overload.beside=10s -overload.open=100000 -overload.wiped=100000

growth: needs ## measure transfers over a million finished sagas, and a restart under 100,000 open ones
	go test -count=1 -v -timeout 60m ./internal/growth -args -growth.finished=1000000 -growth.transfers=15000 -growth.rounds=3 -growth.open=100000

nats-cli: needs ## look into a running node with the real nats command
	go test -count=1 -v -run TestInspectWithNATS ./docs

generate: needs ## make the client of examples/http-client again, from the OpenAPI document
	go test -count=1 -run TestGeneratedClient ./gateway -update

clean: ## remove what was built and run
	rm -rf giro bin giro-data
