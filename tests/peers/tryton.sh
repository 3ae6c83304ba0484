#!/usr/bin/env bash
# tryton.sh start|stop: Tryton 7.0 of our own for the tests, installed from PyPI, on 127.0.0.1:15069 with a SQLite database "erp".
# Accounts: gateway/gateway-pass-1 (the hub's) and admin/admin-pass-1. What is in the database stands in tryton_setup.py.
# `start` prints the base address, and is quick when everything is installed: the filled database is kept and copied for each start.
# The first start takes a minute or more. `stop` ends the server and leaves what was installed; TRYTON_HOME moves the folder.
set -euo pipefail
home="${TRYTON_HOME:-${TMPDIR:-/tmp}/dure-tryton}"
here="$(cd "$(dirname "$0")" && pwd)"
port=15069
mkdir -p "$home/data"
modules=(party product sale stock account account_invoice)

install() {
  if ! python3 -c 'import ensurepip' 2>/dev/null; then
    local sudo=""; [ "$(id -u)" = 0 ] || sudo="sudo -n"
    { $sudo apt-get -q update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends python3 python3-venv; } >&2 ||
      { echo "tryton.sh: please install the packages python3 and python3-venv" >&2; exit 2; }
  fi
  [ -e "$home/installed" ] && return
  local wanted=("trytond==7.0.*" "proteus==7.0.*" "setuptools<81")
  for module in "${modules[@]}"; do wanted+=("trytond_$module==7.0.*"); done
  python3 -m venv "$home/venv" >&2
  "$home/venv/bin/pip" install -q --disable-pip-version-check "${wanted[@]}" >&2
  touch "$home/installed"
}

configure() {
  cat >"$home/trytond.conf" <<C
[database]
uri = sqlite://
path = $home/data
[web]
listen = 127.0.0.1:$port
[session]
timeout = 86400
authentication_ip_network =
max_attempt = 1000
C
}

# Fills a database once and keeps it; the script is part of its name, so that a changed script fills a new one.
fill() {
  local kept="$home/filled-$(cksum <"$here/tryton_setup.py" | cut -d' ' -f1).sqlite"
  if [ ! -s "$kept" ]; then
    rm -f "$home"/data/erp.sqlite*
    touch "$home/data/erp.sqlite"
    echo admin-pass-1 >"$home/pass"
    TRYTONPASSFILE="$home/pass" "$home/venv/bin/trytond-admin" -c "$home/trytond.conf" -d erp \
      -u ir res "${modules[@]}" --activate-dependencies --email admin@erp.example >"$home/fill.log" 2>&1
    "$home/venv/bin/python" "$here/tryton_setup.py" "$home/trytond.conf" >>"$home/fill.log" 2>&1
    mv "$home/data/erp.sqlite" "$kept"
  fi
  rm -f "$home"/data/erp.sqlite*
  cp "$kept" "$home/data/erp.sqlite"
}

running() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

case "${1:-start}" in
  start)
    install
    configure
    if ! running; then
      fill
      setsid "$home/venv/bin/trytond" -c "$home/trytond.conf" -d erp >"$home/trytond.log" 2>&1 </dev/null &
      echo $! >"$home/pid"
      for _ in $(seq 600); do running && break; sleep 0.1; done
      running || { echo "tryton.sh: nothing listens on $port; see $home/trytond.log" >&2; exit 2; }
    fi
    echo "http://127.0.0.1:$port/erp/"
    ;;
  stop)
    if [ -s "$home/pid" ]; then kill "$(cat "$home/pid")" 2>/dev/null || true; rm -f "$home/pid"; fi
    ;;
  *)
    echo "usage: tryton.sh start|stop" >&2
    exit 2
    ;;
esac
