#!/usr/bin/env bash
# End the SLURM that tests/slurm/start.sh DIR began, its jobs first, and remove DIR.
set -euo pipefail

folder=$(realpath -m "$1")
[ -d "$folder" ] || exit 0
export SLURM_CONF=$folder/slurm.conf

if [ -f "$SLURM_CONF" ] && timeout 10 scontrol ping 2>/dev/null | grep -q "is UP"; then
    timeout 10 scancel --user="$(id -un)" --signal=KILL 2>/dev/null || true
    timeout 10 scancel --user="$(id -un)" 2>/dev/null || true
    for _ in $(seq 50); do
        [ -n "$(timeout 10 squeue --noheader 2>/dev/null)" ] || break
        sleep 0.2
    done
fi

end() { # the process of a pid file, and whether it is gone
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 50); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.2
    done
    kill -KILL "$pid" 2>/dev/null || true
}
for daemon in slurmd-n1 slurmd-n2 slurmctld slurmdbd mariadbd munged; do
    end "$folder/run/$daemon.pid"
done
link=/run/slurm/conf/slurm.conf
if [ "$(readlink "$link" 2>/dev/null)" = "$SLURM_CONF" ]; then
    rm -f "$link"
fi
rm -rf "$folder"
