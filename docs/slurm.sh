#!/bin/bash
# A study on all nodes of one allocation: sbatch docs/slurm.sh study.py [options of hpsearch run]
# Stopped before its time ends, it goes back into the queue and goes on from there.
#SBATCH --job-name=hpsearch
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --dependency=singleton
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@120
set -euo pipefail

study=$1
cpus=${SLURM_CPUS_PER_TASK:-1}
port=$((20000 + SLURM_JOB_ID % 20000)) # another job on the same node has another one
logs=runs/ray-$SLURM_JOB_ID
record=${TMPDIR:-/tmp}/hpsearch-$SLURM_JOB_ID.db # on a disk of its own: SQLite trusts no network filesystem
mkdir -p "$logs"
rm -f "$logs"/*.log
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=$PWD/$logs/token
(umask 077 && python3 -c "import secrets; print(secrets.token_hex(32), end='')" > "$RAY_AUTH_TOKEN_PATH")

on() { # NODE COMMAND...: run it there
    local node=$1
    shift
    srun --overlap --nodes=1 --ntasks=1 --nodelist="$node" "$@"
}

start() { # NODE OPTIONS...: a Ray node that lives as long as the allocation
    local node=$1
    shift
    on "$node" ray start --block --num-cpus "$cpus" "$@" > "$logs/$node.log" 2>&1 &
    until grep -q "Ray runtime started" "$logs/$node.log"; do
        kill -0 $! 2> /dev/null || { cat "$logs/$node.log" >&2; exit 1; }
        sleep 1
    done
}

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
ip=$(on "${nodes[0]}" hostname --ip-address | cut -d' ' -f1)
trap 'kill $(jobs -p) 2> /dev/null || true; rm -f "$record"*' EXIT # the Ray nodes
start "${nodes[0]}" --head --node-ip-address "$ip" --port "$port"
for node in "${nodes[@]:1}"; do
    start "$node" --address "$ip:$port"
done

keep() { # the record, whole or not at all
    python3 -c "import sqlite3, sys; a, b = map(sqlite3.connect, sys.argv[1:]); a.backup(b)" "$record" "$record.copy"
    cp "$record.copy" runs/.hpsearch.db
    mv runs/.hpsearch.db runs/hpsearch.db
}

if [ -f runs/hpsearch.db ]; then cp runs/hpsearch.db "$record"; fi
hpsearch run "$study" --address "$ip:$port" --record "$record" --folder runs/trials --out "runs/$(basename "$study" .py).html" "${@:2}" &
run=$!
stop() {
    trap '' TERM
    kill -TERM "$run" 2> /dev/null || true
    wait "$run" || true # nothing is lost, whatever it was in the middle of
    keep
    scontrol requeue "$SLURM_JOB_ID"
    exit 143
}
trap stop TERM
code=0
wait "$run" || code=$?
keep
exit "$code"
