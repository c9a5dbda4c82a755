#!/usr/bin/env bash
# A SLURM of two nodes on this machine, for tests:
#
#   tests/slurm/start.sh DIR [accounting]
#
# Needs root and Debian's slurm-wlm and munge (with `accounting` slurmdbd and mariadb-server, too), but
# neither systemd nor anything in /etc: all of it lies in DIR, on ports of its own, and a link in /run
# leads there. Started again it finds itself running and does nothing. `tests/slurm/stop.sh DIR` ends
# it and removes DIR and the link.
set -euo pipefail

folder=$(realpath -m "$1")
accounting=${2:-}
export SLURM_CONF=$folder/slurm.conf

# Where SLURM's commands look without SLURM_CONF, which is not handed down to the steps of a job.
link=/run/slurm/conf/slurm.conf
is_up() { # whether the SLURM of a configuration answers
    SLURM_CONF=$1 timeout 10 scontrol ping 2>/dev/null | grep -q "is UP"
}
other=$(realpath -q "$link" || true)
if [ -e /etc/slurm/slurm.conf ]; then
    echo "this machine has a SLURM of its own: /etc/slurm/slurm.conf" >&2
    exit 3
elif [ -e "$other" ] && [ "$other" != "$SLURM_CONF" ] && is_up "$other"; then
    echo "another SLURM is up; to end it: tests/slurm/stop.sh $(dirname "$other")" >&2
    exit 3
fi

if [ -f "$SLURM_CONF" ] && is_up "$SLURM_CONF"; then
    echo "already up: $SLURM_CONF"
    exit 0
fi
rm -rf "$folder"
mkdir -p "$folder"/{run,log,state,spool}
chmod 755 "$folder"

free_port() { # one that nobody listens on
    local port
    while port=$((20000 + RANDOM % 20000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
    echo "$port"
}

wait_for() { # seconds, command: until it succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            echo "not up in time: $*" >&2
            tail -n 20 "$folder"/log/*.log >&2 || true
            exit 1
        fi
        sleep 0.2
    done
}

# Messages are signed by a munge of our own.
dd if=/dev/urandom of="$folder/munge.key" bs=128 count=1 status=none
chmod 600 "$folder/munge.key"
munged --force --key-file="$folder/munge.key" --socket="$folder/run/munge.socket" \
    --pid-file="$folder/run/munged.pid" --log-file="$folder/log/munged.log" \
    --seed-file="$folder/state/munged.seed"
wait_for 20 munge --no-input --socket="$folder/run/munge.socket"

host=$(hostname -s)
storage="AccountingStorageType=accounting_storage/none"
if [ "$accounting" = accounting ]; then
    database=$(free_port)
    dbd=$(free_port)
    storage="AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$dbd
AccountingStoragePass=$folder/run/munge.socket"
    mariadb-install-db --no-defaults --user=root --datadir="$folder/mariadb" --skip-test-db \
        >"$folder/log/mariadb-install.log" 2>&1
    setsid mariadbd --no-defaults --user=root --datadir="$folder/mariadb" --bind-address=127.0.0.1 \
        --port="$database" --socket="$folder/run/mariadb.socket" --innodb-lock-wait-timeout=900 \
        --pid-file="$folder/run/mariadbd.pid" >"$folder/log/mariadbd.log" 2>&1 </dev/null &
    wait_for 60 mariadb --no-defaults --socket="$folder/run/mariadb.socket" -e "SELECT 1"
    mariadb --no-defaults --socket="$folder/run/mariadb.socket" -e "
        CREATE USER 'slurm'@'127.0.0.1' IDENTIFIED BY 'slurm';
        GRANT ALL ON slurm_acct_db.* TO 'slurm'@'127.0.0.1';"
    cat >"$folder/slurmdbd.conf" <<END
AuthType=auth/munge
AuthInfo=socket=$folder/run/munge.socket
DbdHost=$host
DbdAddr=127.0.0.1
DbdPort=$dbd
SlurmUser=root
LogFile=$folder/log/slurmdbd.log
PidFile=$folder/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$database
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
END
    chmod 600 "$folder/slurmdbd.conf"
fi

# Memory counts as on a real cluster: a job over its request is killed within seconds. Each node has
# two cores, though both are this machine's, so that jobs of two threads run side by side. A job that
# goes back into the queue waits for cred_expire.
memory=$(($(awk '/MemTotal/ {print $2}' /proc/meminfo) / 1024 / 2))
cat >"$SLURM_CONF" <<END
ClusterName=exosift
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/run/munge.socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd-%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd-%n.log
$storage
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000
MinJobAge=3600
KillWait=2
ReturnToService=1
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$(free_port) CPUs=2 RealMemory=$memory
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$(free_port) CPUs=2 RealMemory=$memory
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
END

mkdir -p "$(dirname "$link")"
ln -sfn "$SLURM_CONF" "$link"

if [ "$accounting" = accounting ]; then
    slurmdbd
    wait_for 60 sacctmgr --noheader list cluster
    sacctmgr --immediate add cluster exosift >"$folder/log/sacctmgr.log" 2>&1 || true
    sacctmgr --immediate add account tests >>"$folder/log/sacctmgr.log" 2>&1
    sacctmgr --immediate add user "$(id -un)" account=tests >>"$folder/log/sacctmgr.log" 2>&1
fi
slurmctld
slurmd -N n1
slurmd -N n2
both_idle() { [ "$(sinfo --noheader --format=%D --states=idle)" = 2 ]; }
wait_for 60 both_idle
echo "up: $SLURM_CONF"
