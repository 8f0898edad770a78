#!/usr/bin/env bash
#SBATCH --job-name=heddle
#SBATCH --array=0-15
#SBATCH --cpus-per-task=2
#SBATCH --output=heddle-%A_%a.log
# slurm.sh PLAN OUT: a campaign as an array of jobs, one shard each; OUT is on a disk that all of them
# see. A job that is requeued goes on. When the array has ended:
#   ./heddle campaign merge OUT/all OUT/shard-*
# HEDDLE is the tool, ./heddle where this is submitted.
set -u

heddle=${HEDDLE:-${SLURM_SUBMIT_DIR:-.}/heddle}
plan=$1
out=$2
shard=${SLURM_ARRAY_TASK_ID:?started without --array}
"$heddle" campaign run "$plan" --shard auto --jobs "${SLURM_CPUS_PER_TASK:-1}" \
    --out "$out/shard-$shard"
status=$?
# A finding (1, or 4 when it did not replay) is a result, not a failure of the job.
[ $status -eq 1 ] || [ $status -eq 4 ] || exit $status
