#!/usr/bin/env bash
# Runs a Kafka broker of its own until standard input ends, and prints its address once it answers.
# Usage: scripts/kafka.sh             in a temporary directory, on a free port: for tests
#        scripts/kafka.sh DIR PORT    in DIR, which stays, on 127.0.0.1:PORT
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

jars="$TOOLS/kafka"
ls "$jars"/kafka_*.jar >/dev/null 2>&1 && have java || die "no broker here; scripts/setup.sh test installs it"

# A port that nobody listens on; below those that the system hands out for connections.
free_port() {
  local port
  while port=$((10000 + RANDOM % 20000)) && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

dir=${1:-} port=${2:-} thrown=
if [ -z "$dir" ]; then
  dir=$(mktemp -d "${TMPDIR:-/tmp}/dim-kafka.XXXXXX")
  thrown=yes
fi
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
[ -n "$port" ] || port=$(free_port)
controller=$(free_port)

# Broker and controller in one process, with everything kept once.
cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
PROPERTIES

java_of() { java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$jars/*" "$@"; }
if [ ! -e "$dir/log/meta.properties" ]; then
  { id=$(java_of kafka.tools.StorageTool random-uuid) &&
    java_of kafka.tools.StorageTool format -t "$id" -c "$dir/server.properties"; } >"$dir/format.log" 2>&1 ||
    { cat "$dir/format.log" >&2; die "the broker's directory cannot be made"; }
fi

(cd "$dir" && exec java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$jars/*" kafka.Kafka "$dir/server.properties") \
  </dev/null >"$dir/kafka.log" 2>&1 &
server=$!
end() {
  # One whose directory is thrown away need not be put in order.
  if [ -n "$thrown" ]; then kill -KILL "$server" 2>/dev/null || true; else kill -TERM "$server" 2>/dev/null || true; fi
  wait "$server" 2>/dev/null || true
  if [ -n "$thrown" ]; then rm -rf "$dir"; fi
}
trap end EXIT
trap 'exit 0' TERM INT

for _ in $(seq 600); do
  if grep -q 'Kafka Server started' "$dir/kafka.log" || (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    printf '127.0.0.1:%s\n' "$port"
    # Until whoever started it is gone.
    cat >/dev/null || true
    exit 0
  fi
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
cat "$dir/kafka.log" >&2
die "the broker did not start"
