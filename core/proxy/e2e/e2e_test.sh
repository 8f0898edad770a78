#!/usr/bin/env bash
# e2e_test.sh PROXY ORIGIN CLIENT: the native server between real clients and servers.
# shellcheck source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

proxy_bin=$1
origin_bin=$2
client_bin=$3
ports 20
port=$base

start_origin() {
    run "origin_$2" "$origin_bin" "$1" "$2"
}

# start_proxy EXTRA-LINES: sets proxy_pid
start_proxy() {
    port=$((port + 1))
    {
        printf 'workers 2\nlisten fe 127.0.0.1:%d h1\n' "$port"
        printf 'backend app 127.0.0.1:%d h1\nbackend img 127.0.0.1:%d h1\n' "$((base + 6))" "$((base + 7))"
        printf 'backend none 127.0.0.1:1 h1\nroute fe /img img\nroute fe /none none\n'
        printf '%s\n' "$@"
    } >"$dir/config"
    "$proxy_bin" "$dir/config" >"$dir/log" 2>&1 &
    proxy_pid=$!
    pids+=("$proxy_pid")
    for _ in $(seq 100); do
        fetch -o /dev/null "http://127.0.0.1:$port/" && return
        sleep 0.1
    done
    say "FAIL  the proxy does not answer"
    cat "$dir/log"
    exit 1
}

fetch() { curl -s --max-time 20 "$@"; }
url() { printf 'http://127.0.0.1:%d%s' "$port" "$1"; }
direct() { printf 'http://127.0.0.1:%d%s' "$((base + 6))" "$1"; }
status() { fetch -o /dev/null -w '%{http_code}' "$@"; }
raw() { printf "$1" | timeout 20 "$client_bin" raw "$port" | head -1 | tr -d '\r'; }

start_origin $((base + 6)) app
start_origin $((base + 7)) img
sleep 0.2

# --- bytes ---
start_proxy
head -c 1048576 /dev/urandom >"$dir/big"
sum=$(fetch "$(direct /size/1048576)" | cksum)
check 'routes by prefix' img "$(fetch "$(url /img/x)")"
check 'first backend by default' app "$(fetch "$(url /other)")"
for kind in size chunked close; do
    check "1 MB down, /$kind" "$sum" "$(fetch "$(url /$kind/1048576)" | cksum)"
done
check 'chunks to a client of 1.0' "$sum" "$(fetch --http1.0 "$(url /chunked/1048576)" | cksum)"
big=$(cksum <"$dir/big")
check '1 MB up' "$big" "$(fetch -H 'Expect:' --data-binary @"$dir/big" "$(url /echo)" | cksum)"
check '1 MB up, 100-continue' "$big" "$(fetch -H 'Expect: 100-continue' --data-binary @"$dir/big" "$(url /echo)" | cksum)"
check '1 MB up, chunked' "$big" "$(fetch -H 'Transfer-Encoding: chunked' --data-binary @"$dir/big" "$(url /echo)" | cksum)"
check 'HEAD' 'Content-Length: 1000' "$(fetch -I "$(url /size/1000)" | tr -d '\r' | grep -i '^content-length')"
check 'keep-alive' '1 0' "$(fetch -o /dev/null -o /dev/null -w '%{num_connects} ' "$(url /a)" "$(url /b)" | sed 's/ $//')"
timeout 20 "$client_bin" pipeline "$port"
check 'pipelining' 0 $?
timeout 20 "$client_bin" half "$port"
check 'half-close' 0 $?

# --- refusals ---
check '400' 'HTTP/1.1 400 Bad Request' "$(raw 'GET / HTTP/1.1\nHost: a\n\n')"
check '400 smuggling' 'HTTP/1.1 400 Bad Request' "$(raw 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')"
check '505' 'HTTP/1.1 505 HTTP Version Not Supported' "$(raw 'GET / HTTP/3.0\r\nHost: a\r\n\r\n')"
check '501' 'HTTP/1.1 501 Not Implemented' "$(raw 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n')"
check '431' 431 "$(status -H "A: $(head -c 15000 /dev/zero | tr '\0' a)" -H "B: $(head -c 3000 /dev/zero | tr '\0' b)" "$(url /)")"
check '414' 414 "$(status "$(url "/$(head -c 20000 /dev/zero | tr '\0' a)")")"
check '400 in a chunk' 'HTTP/1.1 400 Bad Request' "$(raw 'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')"
check '502 no HTTP' 502 "$(status "$(url /bad)")"
check '503 no server' 503 "$(status "$(url /none)")"
check 'cut response' 000 "$(fetch -o /dev/null -w '%{exitcode}' "$(url /cut/1000)" | sed 's/^18$/000/;s/^56$/000/')"

# --- load ---
out=$(wrk -t2 -c100 -d3 "$(url /size/100)")
say "$out" | grep 'Requests/sec'
check 'wrk has no errors' '' "$(say "$out" | grep -E 'Socket errors|Non-2xx')"

# --- stopping ---
timeout 20 "$client_bin" hold "$port" 10 >"$dir/hold" &
hold_pid=$!
timeout 60 "$client_bin" drain "$port" 8 >"$dir/drain" &
drain_pid=$!
sleep 1
kill -USR1 "$proxy_pid"
wait "$proxy_pid"
check 'soft stop under load exits' 0 $?
wait "$drain_pid"
check 'no request fails in a soft stop' 0 $?
wait "$hold_pid"
check 'an idle client is closed' 'answered closed' "$(tr '\n' ' ' <"$dir/hold" | sed 's/ $//')"
say "      drained: $(cat "$dir/drain")"
check 'nothing printed' '' "$(cat "$dir/log")"

start_proxy
wrk -t1 -c20 -d2 "$(url /size/100)" >/dev/null 2>&1 &
wrk_pid=$!
sleep 1
kill -TERM "$proxy_pid"
wait "$proxy_pid"
check 'hard stop under load exits' 0 $?
wait "$wrk_pid"
check 'nothing printed' '' "$(cat "$dir/log")"

# --- time-outs and bounds ---
start_proxy 'timeout server 300ms' 'timeout request 500ms' 'timeout client 400ms' 'hard-stop-after 500ms'
check '504' 504 "$(status "$(url /never)")"
check '408 in a head' 'HTTP/1.1 408 Request Timeout' "$(raw 'GET / HTTP/1.1\r\nHo')"
check '408 in a body' 'HTTP/1.1 408 Request Timeout' "$(raw 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab')"
kill -TTOU "$proxy_pid"
sleep 0.3
check 'paused' 000 "$(curl -s --max-time 1 -o /dev/null -w '%{http_code}' "$(url /)")"
kill -TTIN "$proxy_pid"
check 'resumed' 200 "$(status "$(url /)")"
kill -USR1 "$proxy_pid"
wait "$proxy_pid"
check 'soft stop of an idle proxy exits' 0 $?

start_proxy 'timeout server 60s' 'hard-stop-after 500ms'
fetch -o /dev/null "$(url /never)" &
fetch_pid=$!
sleep 0.3
kill -USR1 "$proxy_pid"
wait "$proxy_pid"
check 'hard-stop-after ends what does not end' 0 $?
wait "$fetch_pid"
check 'nothing printed' '' "$(cat "$dir/log")"

# --- the program itself ---
"$proxy_bin" >/dev/null 2>&1
check 'usage' 2 $?
printf 'workers 2\nlisten fe 127.0.0.1:80 h3\n' >"$dir/config"
"$proxy_bin" "$dir/config" 2>"$dir/log"
check 'bad configuration' 3 $?
check 'bad configuration, where' "$dir/config:2:24: unknown protocol; there are h1 h2 auto control" "$(head -1 "$dir/log")"

[ $failed = 0 ] && say 'all good'
exit $failed
