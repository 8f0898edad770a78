#!/usr/bin/env bash
# side_by_side.sh PROXY [--seconds S] [--rounds N] [--workers W] [--json] [ROW...]
# The native server beside Debian's haproxy: same machine, same workers, same origin, alternating runs. Each row is the
# median over the rounds of requests a second and of the 99th percentile of latency; the ratio is the median of the
# rounds' own ratios, because machines are noisy. Loopback only; what is started is stopped by its process id.
set -u

proxy_bin=$1
shift
seconds=4
rounds=5
workers=2
json=0
rows=()
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=$2 && shift ;;
    --rounds) rounds=$2 && shift ;;
    --workers) workers=$2 && shift ;;
    --json) json=1 ;;
    -*)
        echo "usage: bench native [--seconds S] [--rounds N] [--workers W] [--json] [ROW...]" >&2
        exit 2
        ;;
    *) rows+=("$1") ;;
    esac
    shift
done
[ ${#rows[@]} -gt 0 ] || rows=(h1-keep-alive h1-close h2 reuse h1-tls h2-tls)

dir=$(mktemp -d)
base=$((21000 + ($$ % 1000) * 10))
origin_port=$base
pids=()

finish() {
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$dir"
}
trap finish EXIT

fail() {
    echo "bench native: $*" >&2
    exit 1
}

for tool in haproxy wrk h2load openssl curl; do
    command -v $tool >/dev/null || PATH=$PATH:/usr/sbin command -v $tool >/dev/null || fail "$tool is missing"
done
PATH=$PATH:/usr/sbin

# --- the three programs ---

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null || fail "openssl made no certificate"
cat "$dir/cert.pem" "$dir/key.pem" >"$dir/both.pem"
body=$(head -c 1024 /dev/zero | tr '\0' x)

cat >"$dir/origin.cfg" <<END
global
    maxconn 4000
    nbthread 1
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 5s
frontend origin
    bind 127.0.0.1:$origin_port
    http-request return status 200 content-type text/plain string "$body"
END

# REUSE: haproxy and heddle use the same words.
haproxy_front() { # PORT REUSE BIND-WORDS
    cat <<END
frontend f$1
    bind 127.0.0.1:$1 $3
    default_backend b$1
backend b$1
    http-reuse $2
    server s 127.0.0.1:$origin_port
END
}

{
    cat <<END
global
    maxconn 4000
    nbthread $workers
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 5s
END
    haproxy_front $((base + 1)) safe ""
    haproxy_front $((base + 2)) always ""
    haproxy_front $((base + 3)) always "proto h2"
    haproxy_front $((base + 4)) always "ssl crt $dir/both.pem alpn h2,http/1.1"
} >"$dir/haproxy.cfg"

cat >"$dir/heddle.cfg" <<END
workers $workers
maxconn 4000
listen f1 127.0.0.1:$((base + 5)) h1
listen f2 127.0.0.1:$((base + 6)) h1
listen f3 127.0.0.1:$((base + 7)) h2
listen f4 127.0.0.1:$((base + 8)) auto tls $dir/cert.pem $dir/key.pem
backend b1 127.0.0.1:$origin_port h1 reuse safe
backend b2 127.0.0.1:$origin_port h1 reuse always
route f1 / b1
route f2 / b2
route f3 / b2
route f4 / b2
timeout client 30s
timeout server 30s
END

start() { # NAME COMMAND...
    local name=$1
    shift
    "$@" >"$dir/$name.log" 2>&1 &
    pids+=($!)
}

start origin haproxy -db -f "$dir/origin.cfg"
start haproxy haproxy -db -f "$dir/haproxy.cfg"
start heddle "$proxy_bin" "$dir/heddle.cfg"

await() { # URL NAME
    for _ in $(seq 100); do
        curl -sko /dev/null --http2 "$1" && return
        sleep 0.1
    done
    cat "$dir/$2.log" >&2
    fail "$2 does not answer at $1"
}
await "http://127.0.0.1:$origin_port/" origin
await "http://127.0.0.1:$((base + 1))/" haproxy
await "http://127.0.0.1:$((base + 5))/" heddle
await "https://127.0.0.1:$((base + 8))/" heddle

# --- one measurement: prints "REQUESTS-A-SECOND P99-MS" ---

to_ms='function ms(t) { return t ~ /us$/ ? t / 1000 : t ~ /ms$/ ? t + 0 : t * 1000 }'

run_wrk() { # URL EXTRA...
    local url=$1 out
    shift
    out=$(wrk -t 1 -c 64 -d "${seconds}s" --latency "$@" "$url" 2>&1)
    if grep -q 'Non-2xx\|Socket errors' <<<"$out" && ! grep -q 'connect 0, read 0, write 0, timeout 0' <<<"$out"; then
        grep 'Non-2xx\|Socket errors' <<<"$out" | sed 's/^/bench native: /' >&2
    fi
    awk "$to_ms"' $1 == "99%" { p = ms($2) } $1 == "Requests/sec:" { r = $2 } END { print r + 0, p + 0 }' <<<"$out"
}

run_h2load() { # URL
    local out
    rm -f "$dir/times"
    out=$(h2load -t 1 -c 8 -m 8 -D "$seconds" --log-file="$dir/times" "$1" 2>&1)
    grep -q ' 0 failed' <<<"$out" || grep '^requests:' <<<"$out" | sed 's/^/bench native: /' >&2
    sort -n -k 3,3 "$dir/times" | awk -v rate="$(awk '/^finished in/ { print $4 }' <<<"$out")" \
        '{ t[NR] = $3 } END { print rate + 0, t[int(NR * 0.99)] / 1000 }'
}

measure() { # ROW PORT-OFFSET
    local at=$((base + $2))
    case $1 in
    h1-keep-alive) run_wrk "http://127.0.0.1:$((at + 1))/" ;;
    h1-close) run_wrk "http://127.0.0.1:$at/" -H 'Connection: close' ;;
    reuse) run_wrk "http://127.0.0.1:$((at + 1))/" -H 'Connection: close' ;;
    h2) run_h2load "http://127.0.0.1:$((at + 2))/" ;;
    h1-tls) run_wrk "https://127.0.0.1:$((at + 3))/" ;;
    h2-tls) run_h2load "https://127.0.0.1:$((at + 3))/" ;;
    *) fail "no row is called '$1'" ;;
    esac
}

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

[ $json -eq 1 ] || printf '%-14s %12s %12s %7s %10s %10s %7s\n' row heddle/s haproxy/s ratio 'p99 ms' 'haproxy' ratio
for row in "${rows[@]}"; do
    : >"$dir/heddle" && : >"$dir/haproxy_runs"
    for round in $(seq "$rounds"); do
        # Whoever comes first changes from round to round.
        if [ $((round % 2)) -eq 0 ]; then
            measure "$row" 5 >>"$dir/heddle" && measure "$row" 1 >>"$dir/haproxy_runs"
        else
            measure "$row" 1 >>"$dir/haproxy_runs" && measure "$row" 5 >>"$dir/heddle"
        fi
    done
    paste "$dir/heddle" "$dir/haproxy_runs" >"$dir/pairs"
    ours=$(awk '{ print $1 }' "$dir/pairs" | median)
    theirs=$(awk '{ print $3 }' "$dir/pairs" | median)
    rate=$(awk '$3 > 0 { print $1 / $3 }' "$dir/pairs" | median)
    ours_p99=$(awk '{ print $2 }' "$dir/pairs" | median)
    theirs_p99=$(awk '{ print $4 }' "$dir/pairs" | median)
    late=$(awk '$4 > 0 { print $2 / $4 }' "$dir/pairs" | median)
    if [ $json -eq 1 ]; then
        printf '{"event":"bench","suite":"native","name":"%s","requests_per_second":%.0f,"haproxy":%.0f,"ratio":%.3f,' \
            "$row" "$ours" "$theirs" "$rate"
        printf '"p99_ms":%.3f,"haproxy_p99_ms":%.3f,"p99_ratio":%.3f}\n' "$ours_p99" "$theirs_p99" "$late"
    else
        printf '%-14s %12.0f %12.0f %7.2f %10.2f %10.2f %7.2f\n' "$row" "$ours" "$theirs" "$rate" "$ours_p99" "$theirs_p99" "$late"
    fi
done
