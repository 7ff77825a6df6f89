#!/usr/bin/env bash
# Starts a standalone Spark on the loopback: a master, two workers of one core each, a Connect server.
#
#   start.sh FOLDER [PYTHON]
#
# Spark is that of the Python package pyspark. FOLDER/port gets the server's port when it answers, FOLDER/pids the processes; stop.sh ends them.
# Its server ends the stream of an answer after a second, where others take two minutes: what a client must bear, every query here shows.
# Exit code 77: what it needs is not installed, which is said.
set -euo pipefail

folder=$(mkdir -p "$1" && cd "$1" && pwd)
python=${2:-python3}
seconds=${CLUSTER_SECONDS:-120}
here=$(cd "$(dirname "$0")" && pwd)

command -v java >/dev/null || { echo 'skipped: java is not installed' >&2; exit 77; }
SPARK_HOME=$("$python" -c 'import importlib.util as i; print(i.find_spec("pyspark").submodule_search_locations[0])' 2>/dev/null) ||
  { echo "skipped: $python has no package pyspark" >&2; exit 77; }
export SPARK_HOME

"$here/stop.sh" "$folder"
free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
master=$(free_port)
connect=$(free_port)
mkdir -p "$folder/work" "$folder/tmp" "$folder/log"
export SPARK_LOCAL_IP=127.0.0.1 SPARK_LOCAL_DIRS="$folder/tmp" SPARK_NO_DAEMONIZE=1 SPARK_DAEMON_MEMORY=1g

# Each in a group of its own, so that it ends with all that it started.
run() {
  local name=$1
  shift
  setsid "$@" >"$folder/log/$name.log" 2>&1 &
  echo $! >>"$folder/pids"
}

run master "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.master.Master --host 127.0.0.1 --port "$master" --webui-port 0
for worker in 1 2; do
  run "worker$worker" "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.worker.Worker --host 127.0.0.1 --cores 1 --memory 1g \
    --webui-port 0 --work-dir "$folder/work" "spark://127.0.0.1:$master"
done
run connect "$SPARK_HOME/bin/spark-submit" --master "spark://127.0.0.1:$master" --driver-memory 1g \
  --conf spark.connect.execute.reattachable.senderMaxStreamDuration=1s \
  --conf spark.executor.memory=700m --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 \
  --conf spark.connect.grpc.binding.address=127.0.0.1 --conf spark.connect.grpc.binding.port="$connect" \
  --class org.apache.spark.sql.connect.service.SparkConnectServer spark-internal

for _ in $(seq "$seconds"); do
  if (exec 3<>"/dev/tcp/127.0.0.1/$connect") 2>/dev/null; then
    echo "$connect" >"$folder/port"
    echo "Spark answers at sc://127.0.0.1:$connect"
    exit 0
  fi
  sleep 1
done
echo "Spark did not answer in $seconds seconds:" >&2
tail -n 20 "$folder"/log/*.log >&2
"$here/stop.sh" "$folder"
exit 1
