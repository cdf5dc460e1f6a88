#!/usr/bin/env bash
# One machine as a SLURM cluster, for tests: Debian or Ubuntu, root.
#   one_node_slurm.sh up DIR     installs slurmctld, slurmd and munge where they are missing, starts them, waits for the node
#   one_node_slurm.sh down DIR   cancels all jobs and ends the daemons
# Between the two: export SLURM_CONF=DIR/slurm.conf
# CPUS=n gives the node n processors, more than there are too; PORT=n is the first of two ports.
set -euo pipefail

action=${1:?up or down}
home=${2:?folder}
node=$(hostname -s)
export SLURM_CONF=$home/slurm.conf

fail() {
    echo "one_node_slurm.sh: $*" >&2
    exit 1
}

# await SECONDS COMMAND...: whether the command succeeds within that time
await() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

# There is no service manager in a container: each daemon stays in the foreground, in a session of its own.
daemon() {
    setsid "$@" >>"$home/$1.out" 2>&1 </dev/null &
    echo $! >"$home/$1.pid"
}

running() { [ -e "/proc/$1" ] && ! grep -q '^State:\sZ' "/proc/$1/status"; } # nobody may reap it in a container
gone() { ! running "$1"; }
idle() { timeout 5 sinfo --noheader --format=%t | grep -qx idle; }
unused() { [ -z "$(timeout 5 squeue --noheader)" ]; }

install() {
    command -v munged slurmctld slurmd sbatch >/dev/null && return 0
    command -v apt-get >/dev/null || fail "SLURM is not installed, and there is no apt-get to install it"
    local starts=/usr/sbin/policy-rc.d
    [ -e $starts ] || { printf '#!/bin/sh\nexit 101\n' >$starts && chmod +x $starts && trap "rm -f $starts" EXIT; }
    {
        apt-get update
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends munge slurmctld slurmd slurm-client
    } >"$home/apt.out" 2>&1 || fail "SLURM cannot be installed: $(tail -3 "$home/apt.out")"
}

configure() {
    local cpus=${CPUS:-$(nproc)} port=${PORT:-16917} memory
    memory=$(awk '/^MemTotal/ {print int($2 / 1200)}' /proc/meminfo) # left out, a node has 1 MB
    mkdir -p "$home/munge" "$home/state" "$home/spool"
    chmod 755 "$home" "$home/munge"
    (umask 077 && head -c 1024 /dev/urandom >"$home/munge.key")
    cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthInfo=socket=$home/munge/socket
StateSaveLocation=$home/state
SlurmdSpoolDir=$home/spool
SlurmctldPidFile=$home/state/slurmctld.pid
SlurmdPidFile=$home/state/slurmd.pid
SlurmctldLogFile=$home/slurmctld.log
SlurmdLogFile=$home/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=1,bf_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=$cpus Boards=1 SocketsPerBoard=1 CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=$memory
PartitionName=test Nodes=$node Default=YES MaxTime=60 State=UP
END
}

case $action in
up)
    [ "$(id -u)" = 0 ] || fail "only root can start SLURM's daemons"
    mkdir -p "$home"
    install
    configure
    daemon munged --foreground --key-file="$home/munge.key" --socket="$home/munge/socket" \
        --pid-file="$home/munge/pid" --seed-file="$home/munge/seed" --log-file="$home/munge/log"
    await 20 munge --no-input --socket="$home/munge/socket" || fail "munged does not answer; see $home/munged.out"
    daemon slurmctld -D
    daemon slurmd -D -N "$node"
    await 60 idle || fail "no node; see $home/slurmctld.log and $home/slurmd.log"
    ;;
down)
    if [ -e "$home/slurmctld.pid" ] && running "$(cat "$home/slurmctld.pid")"; then
        timeout 10 scancel --partition=test || true
        await 20 unused || true
    fi
    for name in slurmd slurmctld munged; do
        [ -e "$home/$name.pid" ] || continue
        pid=$(cat "$home/$name.pid")
        running "$pid" && kill "$pid"
        await 10 gone "$pid" || kill -9 "$pid"
        rm "$home/$name.pid"
    done
    ;;
*) fail "given $action; allowed up or down" ;;
esac
