#!/usr/bin/env bash
# Ends what start.sh started in a folder: stop.sh FOLDER
set -u

if test -f "$1/pids"; then
  while read -r pid; do
    kill -- "-$pid" 2>/dev/null
  done <"$1/pids"
  sleep 1
  while read -r pid; do
    kill -9 -- "-$pid" 2>/dev/null
  done <"$1/pids"
fi
rm -rf "$1/pids" "$1/port" "$1/work" "$1/tmp"
exit 0
