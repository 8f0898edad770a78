#!/usr/bin/env bash
# liar.sh - in place of the tool, for canary.sh: each lie in LIE is one that a test has to notice.
run_row()
{
    printf '{"event":"run","verdict":"none","title":null,"steps":%s,"trace_hash":"%s"}\n' "$1" "$2"
}

case $LIE in
says_nothing) ;;
dies) kill -SEGV $$ ;;
# The same run whatever is asked for.
never_changes) run_row 17 00000000deadbeef ;;
# Another run each time.
always_changes) run_row 17 "$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')" ;;
# All is well, but hardly anything was looked at.
looks_once) echo '{"event":"summary","schedules":1,"points":9,"findings":[]}' ;;
# All is well, says the exit code.
hides_report)
    echo "==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x0" >&2
    echo '{"event":"summary","schedules":20,"points":9,"findings":[]}'
    ;;
refuses)
    echo "heddle: no" >&2
    exit 3
    ;;
esac
