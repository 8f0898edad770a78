#!/usr/bin/env bash
# slurm_test.sh: slurm.sh on a Slurm of one node that this test starts and ends: the shards of the
# array, merged, are one campaign. Needs root, as slurmd does.
# shellcheck source=../../sim/e2e/cases.sh disable=SC2154 # case_dir, builds
. "${TEST_SRCDIR:-.}/${TEST_WORKSPACE:-.}/sim/e2e/cases.sh"

heddle=${builds[explore]}
HEDDLE_ROOT=$(dirname "$(readlink -f "${options[anchor]}")")
export HEDDLE_ROOT
script=$HEDDLE_ROOT/fuzz/cluster/slurm.sh
daemons=()
# Daemons are not in the path of a test.
export PATH=$PATH:/usr/sbin:/sbin
for command in munged slurmctld slurmd sbatch; do
    command -v $command >/dev/null || fail "no $command: install munge and slurm-wlm"
done

end_slurm()
{
    local pid
    for pid in "${daemons[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    wait
    rm -rf "/run/heddle-munge.$$"
}

start_slurm()
{
    local host base=$case_dir/slurm
    host=$(hostname -s)
    mkdir -p "$base/state" "$base/spool"
    dd if=/dev/urandom of="$base/key" bs=1024 count=1 status=none
    chown -R munge "$base/key"
    chmod 400 "$base/key"
    # Below /run: munged refuses folders that others may write to.
    mkdir -p "/run/heddle-munge.$$"
    chown munge "/run/heddle-munge.$$"
    cp -p "$base/key" "/run/heddle-munge.$$/key"
    setpriv --reuid munge --regid munge --clear-groups munged --foreground --force \
        --key-file="/run/heddle-munge.$$/key" --socket="/run/heddle-munge.$$/socket" \
        --pid-file="/run/heddle-munge.$$/pid" --seed-file="/run/heddle-munge.$$/seed" \
        --log-file="/run/heddle-munge.$$/log" >"$base/munged.out" 2>&1 &
    daemons+=($!)
    cat >"$base/slurm.conf" <<END
ClusterName=one
SlurmctldHost=$host
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=/run/heddle-munge.$$/socket
CredType=cred/munge
SlurmctldPort=$((20000 + $$ % 10000))
SlurmdPort=$((30000 + $$ % 10000))
StateSaveLocation=$base/state
SlurmdSpoolDir=$base/spool
SlurmctldPidFile=$base/slurmctld.pid
SlurmdPidFile=$base/slurmd.pid
SlurmctldLogFile=$base/slurmctld.log
SlurmdLogFile=$base/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=$host CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
    export SLURM_CONF=$base/slurm.conf
    slurmctld -D >"$base/ctld.out" 2>&1 &
    daemons+=($!)
    slurmd -D >"$base/slurmd.out" 2>&1 &
    daemons+=($!)
    for _ in $(seq 60); do
        ! timeout 10 sinfo -h -o %T 2>/dev/null | grep -q idle || return 0
        kill -0 "${daemons[@]}" 2>/dev/null || break
        sleep 1
    done
    tail -n 5 "$base"/*.log "$base"/*.out
    fail "Slurm does not start"
}

shards_of_an_array_are_one_campaign()
{
    trap end_slurm EXIT
    start_slurm
    printf '%s\n' "seed 7" "trials 300" "slice 200ms" "shrink 100ms" "explain no" \
        "targets task/wake_while_picked" "plants C36" >"$case_dir/p.plan"
    # Ids need not begin at 0 nor be dense.
    HEDDLE=$heddle timeout 300 sbatch --wait --array=10-14:2 --cpus-per-task=1 --chdir="$case_dir" \
        --output="$case_dir/log-%a" "$script" "$case_dir/p.plan" "$case_dir/array" ||
        fail "the array failed: $(cat "$case_dir"/log-*)"
    run_expecting 0 "$heddle" campaign merge "$case_dir/all" "$case_dir"/array/shard-*
    run_expecting 1 "$heddle" campaign run "$case_dir/p.plan" --out "$case_dir/whole"
    for dir in all whole; do
        sqlite3 "$case_dir/$dir/campaign.db" \
            "SELECT title, min(trial), sum(count) FROM sighting GROUP BY 1 ORDER BY 1;
             SELECT sum(trials), sum(points) FROM slice;" >"$case_dir/$dir.txt"
    done
    diff "$case_dir/whole.txt" "$case_dir/all.txt" || fail "the array is not the whole"
}

run_case shards_of_an_array_are_one_campaign shards_of_an_array_are_one_campaign
end_cases
