#!/usr/bin/env bash
# The demo of the README: a small sample from an incident is loaded, hunted and looked at.
# Usage: tests/demo.sh RETROHUNT FOLDER
set -euo pipefail
bin=$(realpath "$1")
folder=$2
cd "$(dirname "$0")/.."
rm -rf "$folder"
mkdir -p "$folder"
store=$folder/demo.db
export RETROHUNT_STORE=$store

step() {
    printf '\n$ retrohunt'
    for word in "$@"; do case $word in *[!A-Za-z0-9_./=-]*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac; done
    printf '\n'
    "$bin" "$@"
}

step load tests/samples
step load tests/samples
step hunt --rules rules
step findings show 1
step sql "SELECT SubjectUserName, IpAddress, ShareName, count(*) AS writes, min(_time) AS first
  FROM security_5145 WHERE AccessMask = '0x2' GROUP BY 1, 2, 3 ORDER BY first"
printf '\nThe store is %s; any SQLite client reads it.\n' "$store"
