#!/usr/bin/env bash
# Runs a Postgres of its own until standard input ends, and prints its address once it answers.
# Usage: scripts/postgres.sh             in a temporary directory, on a socket there, without fsync: for tests
#        scripts/postgres.sh DIR PORT    in DIR, which stays, on 127.0.0.1:PORT
# As root it runs as the user postgres, or nobody, since the server refuses root.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)
[ -n "$bin" ] || { have postgres && bin=$(dirname "$(command -v postgres)"); } || true
[ -n "$bin" ] || die "no Postgres here; scripts/setup.sh test installs it"

dir=${1:-} port=${2:-5432} options=()
if [ -z "$dir" ]; then
  dir=$(mktemp -d "${TMPDIR:-/tmp}/dim-postgres.XXXXXX")
  thrown=yes
  options=(-c listen_addresses= -c fsync=off -c full_page_writes=off)
  address="postgres://dim@localhost/postgres?host=$dir"
else
  mkdir -p "$dir"
  thrown=
  options=(-c listen_addresses=127.0.0.1)
  address="postgres://dim@127.0.0.1:$port/postgres"
fi

as=()
if [ "$(id -u)" = 0 ]; then
  user=postgres
  id -u $user >/dev/null 2>&1 || user=nobody
  chown "$user" "$dir"
  as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups)
fi

if [ ! -s "$dir/data/PG_VERSION" ]; then
  (cd / && "${as[@]}" "$bin/initdb" -D "$dir/data" -U dim --auth=trust -E UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1) ||
    { cat "$dir/initdb.log" >&2; die "initdb failed"; }
fi

(cd / && exec "${as[@]}" "$bin/postgres" -D "$dir/data" -p "$port" -k "$dir" -c max_connections=400 "${options[@]}") \
  </dev/null >"$dir/postgres.log" 2>&1 &
server=$!
end() {
  kill -INT "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  if [ -n "$thrown" ]; then rm -rf "$dir"; fi
}
trap end EXIT
trap 'exit 0' TERM INT

for _ in $(seq 300); do
  if "$bin/pg_isready" -q -h "$dir" -p "$port" -U dim -d postgres; then
    printf '%s\n' "$address"
    # Until whoever started it is gone.
    cat >/dev/null || true
    exit 0
  fi
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
cat "$dir/postgres.log" >&2
die "Postgres did not start"
