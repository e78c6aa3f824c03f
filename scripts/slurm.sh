# Slurm on one machine, for tests. Sourced. Sets SLURM_CONF; adds the daemons to `pids`.
# shellcheck shell=bash

# start_slurm FOLDER: munged, slurmctld and slurmd with their files in FOLDER.
start_slurm() {
    local dir=$1/slurm host ports
    host=$(hostname -s)
    mkdir -p "$dir/state" "$dir/spool"
    chmod 755 "$1"
    ports=$(python3 -c '
import socket
sockets = [socket.socket() for _ in range(2)]
[s.bind(("127.0.0.1", 0)) for s in sockets]
print(*[s.getsockname()[1] for s in sockets])')
    dd if=/dev/urandom of="$dir/munge.key" bs=32 count=1 status=none
    chmod 600 "$dir/munge.key"
    munged --foreground --force --socket="$dir/munge.sock" --key-file="$dir/munge.key" --log-file="$dir/munged.log" \
        --pid-file="$dir/munged.pid" --seed-file="$dir/munged.seed" >"$dir/munged.out" 2>&1 &
    pids+=($!)
    cat >"$dir/slurm.conf" <<CONF
ClusterName=rehearsal
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=${ports% *}
SlurmdPort=${ports#* }
AuthType=auth/munge
AuthInfo=socket=$dir/munge.sock
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
MpiDefault=none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
    export SLURM_CONF=$dir/slurm.conf
    slurmctld -D -f "$SLURM_CONF" >"$dir/slurmctld.out" 2>&1 &
    pids+=($!)
    slurmd -D -f "$SLURM_CONF" -N "$host" >"$dir/slurmd.out" 2>&1 &
    pids+=($!)
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        if sinfo -h -o %T 2>/dev/null | grep -q idle; then return 0; fi
        sleep 0.2
    done
    tail -n 20 "$dir"/*.log "$dir"/*.out >&2
    die "Slurm does not start"
}
