#!/usr/bin/env bash
# The stack of deploy/ as plain processes of this machine: Kafka, Postgres, two web nodes, two movers, and where they are installed nginx in
# front and Prometheus. Everything lies in .local/ and listens on the loopback address.
# Usage: scripts/local.sh up | down | check
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
LOCAL="$ROOT/.local"
PG_PORT=${PG_PORT:-15432}
KAFKA_PORT=${KAFKA_PORT:-9092}

# start NAME COMMAND…: in the background, with its log and its process id kept.
start() {
  local name=$1; shift
  setsid "$@" >"$LOCAL/$name.log" 2>&1 </dev/null &
  echo $! >"$LOCAL/$name.pid"
}

# answers URL: waits until it does.
answers() {
  for _ in $(seq 150); do
    curl -fsS -o /dev/null "$1" 2>/dev/null && return
    sleep 0.2
  done
  die "$1 does not answer; see the logs in $LOCAL"
}

nginx_config() {
  local web="$1" movers="$2" body
  body=$(<deploy/nginx/dim.conf.template)
  body=${body//'${DIM_WEB_SERVERS}'/$web}
  body=${body//'${DIM_MOVER_SERVERS}'/$movers}
  printf 'daemon off;\npid %s/nginx.run;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n' "$LOCAL"
  for kind in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/nginx-%s;\n' "$kind" "$LOCAL" "$kind"; done
  printf '%s\n}\n' "${body//listen 8082;/listen 127.0.0.1:8082;}"
}

up() {
  [ ! -e "$LOCAL/postgres.pid" ] || die "it runs already, or was not stopped: make down-local"
  mkdir -p "$LOCAL/files"
  local dim
  dim="$TARGET_DIR/release/dim"; [ -x "$dim" ] || dim="$TARGET_DIR/debug/dim"
  [ -x "$dim" ] || die "no program is built yet: make build"
  chmod 755 "$LOCAL"
  # Postgres runs as long as its standard input is open.
  start postgres bash -c "sleep infinity | scripts/postgres.sh '$LOCAL/postgres' $PG_PORT"
  for _ in $(seq 150); do grep -q '^postgres://' "$LOCAL/postgres.log" && break; sleep 0.2; done
  if [ -n "${KAFKA_BROKERS:-}" ]; then
    note "the broker is $KAFKA_BROKERS, as KAFKA_BROKERS says"
  elif ls "$TOOLS"/kafka/kafka_*.jar >/dev/null 2>&1; then
    # Like Postgres, as long as its standard input is open.
    start kafka bash -c "sleep infinity | scripts/kafka.sh '$LOCAL/kafka' $KAFKA_PORT"
    for _ in $(seq 300); do grep -q '^127' "$LOCAL/kafka.log" && break; sleep 0.2; done
    export KAFKA_BROKERS="127.0.0.1:$KAFKA_PORT"
    say "Kafka on $KAFKA_BROKERS"
  else
    note "no broker here (scripts/setup.sh test fetches one), so nodes share Postgres alone"
  fi
  export DIM_DATABASE_URL="postgres://dim@127.0.0.1:$PG_PORT/postgres" DIM_CONFIG="$LOCAL/dim.toml"
  for n in 0 1; do
    start "web-$n" "$dim" serve --roles web,recommender --addr "127.0.0.1:808$n" --data-dir "$LOCAL/web-$n" --allow-root "$LOCAL/files"
    start "mover-$n" "$dim" mover --addr "127.0.0.1:809$n" --data-dir "$LOCAL/mover-$n"
  done
  for port in 8080 8081 8090 8091; do answers "http://127.0.0.1:$port/readyz"; done
  say "Web nodes http://127.0.0.1:8080 and :8081, movers on :8090 and :8091"
  if have nginx; then
    nginx_config 'server 127.0.0.1:8080; server 127.0.0.1:8081;' 'server 127.0.0.1:8090; server 127.0.0.1:8091;' >"$LOCAL/nginx.conf"
    start nginx nginx -c "$LOCAL/nginx.conf" -p "$LOCAL"
    answers http://127.0.0.1:8082/health
    say "In front of them nginx http://127.0.0.1:8082, /py/… and /go/…"
  else
    note "nginx is not installed, so nothing stands in front"
  fi
  if have prometheus; then
    sed -e 's/"api:8080"/"127.0.0.1:8080", "127.0.0.1:8081"/; s/"mover:8090"/"127.0.0.1:8090", "127.0.0.1:8091"/' \
      -e "s#alerts.yml#$ROOT/deploy/prometheus/alerts.yml#" deploy/prometheus/prometheus.yml >"$LOCAL/prometheus.yml"
    start prometheus prometheus --config.file="$LOCAL/prometheus.yml" --storage.tsdb.path="$LOCAL/prometheus" --web.listen-address=127.0.0.1:9090
    answers http://127.0.0.1:9090/-/ready
    say "Prometheus http://127.0.0.1:9090"
  else
    note "Prometheus is not installed, so nothing is scraped"
  fi
  note "data and logs are in $LOCAL; make down-local stops everything and keeps the data"
}

down() {
  # In this order: those in front first, the database last.
  for name in prometheus nginx web-0 web-1 mover-0 mover-1 kafka postgres; do
    [ -e "$LOCAL/$name.pid" ] || continue
    local pid; pid=$(<"$LOCAL/$name.pid")
    # Each leads a process group of its own.
    kill -TERM -- "-$pid" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 -- "-$pid" 2>/dev/null || break; sleep 0.1; done
    rm -f "$LOCAL/$name.pid"
  done
  say "Stopped; the data stays in $LOCAL"
}

# What can be said of deploy/ without a container engine. Each tool that is missing is named.
check() {
  local dir; dir=$(mktemp -d)
  trap "rm -rf '$dir'" EXIT
  if have nginx; then
    LOCAL=$dir nginx_config 'server 127.0.0.1:1;' 'server 127.0.0.1:1;' >"$dir/nginx.conf"
    nginx -t -q -c "$dir/nginx.conf" -p "$dir" && note "nginx: the configuration is sound"
  else note "skipped: nginx is not installed"; fi
  if have promtool; then
    promtool check config deploy/prometheus/prometheus.yml >&2
  else note "skipped: promtool is not installed"; fi
  if python3 -c 'import yaml' 2>/dev/null; then
    python3 - <<'PY' >&2
import glob, json, yaml
compose = yaml.safe_load(open("deploy/docker/docker-compose.yml"))
services = compose["services"]
for name, service in services.items():
    assert "image" in service or "build" in service, name
    known = {"build", "image", "command", "entrypoint", "environment", "ports", "volumes", "depends_on", "healthcheck", "restart",
             "profiles", "read_only", "tmpfs", "cap_drop", "security_opt"}
    if name in ("api", "mover"):
        assert "redpanda" in service["depends_on"] and service["environment"]["DIM_KAFKA_BROKERS"] == "redpanda:29092", name
    assert set(service) <= known, (name, set(service) - known)
    for other in service.get("depends_on", []):
        assert other in services, (name, other)
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), (name, port)
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source[0] not in "./$":
            assert source in compose["volumes"], (name, source)
kinds = {}
for path in sorted(glob.glob("deploy/kubernetes/*.yaml")):
    for document in yaml.safe_load_all(open(path)):
        kinds.setdefault(document["kind"], []).append(document)
for name in kinds["Kustomization"][0]["resources"]:
    open("deploy/kubernetes/" + name)
for deployment in kinds["Deployment"]:
    pod = deployment["spec"]["template"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    for container in pod["spec"]["containers"]:
        mounts = {m["name"] for m in container["volumeMounts"]}
        assert mounts == {v["name"] for v in pod["spec"]["volumes"]}
        assert {"livenessProbe", "readinessProbe"} <= set(container)
env = {e["name"] for d in kinds["Deployment"] for c in d["spec"]["template"]["spec"]["containers"] for e in c["env"]}
assert {"DIM_DATABASE_URL", "DIM_KAFKA_BROKERS"} <= env, env
boards = [json.load(open(path)) for path in glob.glob("deploy/grafana/dashboards/*.json")]
assert len(boards) == 5 and all(board["panels"] for board in boards)
print(f"    compose: {len(services)} services; kubernetes: {sum(map(len, kinds.values()))} objects; grafana: {len(boards)} dashboards")
PY
  else note "skipped: python3 has no yaml"; fi
}

case "${1:-}" in
  up) up ;;
  down) down ;;
  check) check ;;
  *) die "usage: scripts/local.sh up | down | check" ;;
esac
