# lib.sh: what the end-to-end tests of the native server share; sourced. Everything started is stopped by its process
# id when the test ends, however it ends.
set -u

dir=$(mktemp -d "${TEST_TMPDIR:-/tmp}/e2e.XXXXXX")
pids=()
failed=0
PATH=$PATH:/usr/sbin

stop_all() {
    # Who has children ends them when asked; KILL would not let it.
    kill -TERM "${pid_fpm-}" 2>/dev/null && wait "$pid_fpm"
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$dir" "${ports_taken-}"
}
trap stop_all EXIT

say() { printf '%s\n' "$*"; }

# check NAME WANT GOT
check() {
    if [ "$2" = "$3" ]; then
        say "ok    $1"
    else
        say "FAIL  $1"
        say "  want: $2"
        say "  got:  $3"
        failed=1
    fi
}

# run NAME COMMAND...: in the background, output in $dir/NAME.log; sets pid_NAME
run() {
    local name=$1
    shift
    "$@" >"$dir/$name.log" 2>&1 &
    pids+=($!)
    printf -v "pid_$name" %s $!
}

# need TOOL...
need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || { say "FAIL  $tool is missing" && exit 1; }
    done
}

# ports COUNT: sets base, the first of COUNT (at most 20) that nobody listens on, below those that the kernel gives to
# clients. Tests that run at the same time get others: a folder says which are taken.
ports() {
    local taken='' hex port try
    while read -r _ hex _; do
        taken+=" $((16#${hex##*:})) "
    done < <(tail -qn +2 /proc/net/tcp /proc/net/tcp6 2>/dev/null)
    find /tmp -maxdepth 1 -name 'heddle-ports.*' -mmin +30 -exec rmdir {} + 2>/dev/null
    for try in $(seq 800); do
        base=$((16000 + (RANDOM + try) % 800 * 20))
        for port in $(seq "$base" $((base + $1 - 1))); do
            [[ $taken != *" $port "* ]] || continue 2
        done
        ports_taken=/tmp/heddle-ports.$base
        mkdir "$ports_taken" 2>/dev/null && return
    done
    ports_taken=
    say "FAIL  no ports are free"
    exit 1
}

# certificate: $dir/cert.pem and $dir/key.pem, for two days
certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
        -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
}
