#!/usr/bin/env bash
# postgres.sh start|stop|url: a PostgreSQL server of our own for the tests.
# A fresh cluster in a temporary folder, made by initdb with its default settings (fsync on), on loopback TCP with a password.
# Runs as root (the server then runs as user postgres) and as anybody else. Installs Debian's postgresql where it may and must.
# PG_PORT (15473) and PG_HOME (a folder in the temporary folder) move it.
set -euo pipefail
port="${PG_PORT:-15473}"
home="${PG_HOME:-${TMPDIR:-/tmp}/dure-postgres-$port}"
url="postgresql://dure:dure@127.0.0.1:$port/dure"

programs() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true; }

install() {
  [ -n "$(programs)" ] && return
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  # The package would start a cluster of its own; ours is enough.
  $sudo mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
  if ! { $sudo apt-get -q update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y install postgresql; } >&2; then
    echo "postgres.sh: cannot install it; please install the package postgresql" >&2
    exit 2
  fi
}

# The server refuses to run as root.
as_server() {
  if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

running() { [ -e "$home/data/postmaster.pid" ] && as_server "$bin/pg_ctl" -D "$home/data" status >/dev/null 2>&1; }

case "${1:-start}" in
  start)
    install
    bin="$(programs)"
    if ! running; then
      if [ ! -e "$home/data/PG_VERSION" ]; then
        mkdir -p "$home"
        [ "$(id -u)" = 0 ] && chown postgres "$home"
        echo dure >"$home/password"
        [ "$(id -u)" = 0 ] && chown postgres "$home/password"
        # A dictionary order as the default, so that a test sees where ours is needed.
        as_server "$bin/initdb" -D "$home/data" -U dure --pwfile="$home/password" --auth=scram-sha-256 --encoding=UTF8 \
          --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US >"$home/initdb.log"
      fi
      as_server "$bin/pg_ctl" -w -D "$home/data" -l "$home/data/server.log" start \
        -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$home -c max_connections=400" >/dev/null
      PGPASSWORD=dure "$bin/createdb" -h 127.0.0.1 -p "$port" -U dure dure 2>/dev/null || true # is there from the last start
    fi
    echo "$url"
    ;;
  stop)
    bin="$(programs)"
    [ -n "$bin" ] && running && as_server "$bin/pg_ctl" -w -D "$home/data" -m fast stop >/dev/null
    rm -rf "$home"
    ;;
  url) echo "$url" ;;
  *)
    echo "usage: postgres.sh start|stop|url" >&2
    exit 2
    ;;
esac
