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
    for word in "$@"; do case $word in *[!A-Za-z0-9_./=-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac; done
    printf '\n'
    "$bin" "$@"
}

echo "store: $store"
step load tests/samples
step load tests/samples
step hunt --rules rules
step findings show 1
step sql 'SELECT _time, SubjectUserName, IpAddress, ShareName, RelativeTargetName FROM security_5145 ORDER BY _time_us'
printf '\nThe store is %s; any SQLite client reads it.\n' "$store"
