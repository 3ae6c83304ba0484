#!/usr/bin/env bash
# openpyxl.sh start|stop: another program that reads workbooks: openpyxl from PyPI, in a folder of its own. `start` prints its python.
# Installs Debian's python3-venv where it may and must. OPENPYXL_HOME moves its folder.
set -euo pipefail
home="${OPENPYXL_HOME:-${TMPDIR:-/tmp}/dure-openpyxl}"
version="3.1.5"

case "${1:-start}" in
  start)
    if ! "$home/bin/python" -c 'import openpyxl' 2>/dev/null; then
      if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        sudo=""; [ "$(id -u)" = 0 ] || sudo="sudo -n"
        if ! { $sudo apt-get -q update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends python3-venv; } >&2; then
          echo "openpyxl.sh: cannot install it; please install the package python3-venv" >&2
          exit 2
        fi
      fi
      { python3 -m venv "$home" && "$home/bin/pip" -q install --disable-pip-version-check "openpyxl==$version"; } >&2 ||
        { echo "openpyxl.sh: cannot install openpyxl $version from PyPI" >&2; exit 2; }
    fi
    echo "$home/bin/python"
    ;;
  stop)
    rm -rf "$home"
    ;;
  *)
    echo "usage: openpyxl.sh start|stop" >&2
    exit 2
    ;;
esac
