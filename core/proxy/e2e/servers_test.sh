#!/usr/bin/env bash
# servers_test.sh PROXY ORIGIN: server connections and the control listener of the native server: what is reused, stolen
# by another worker, or private; limits and their queue; health; maintenance and removal; each pair of protocols, with
# and without TLS.
# shellcheck source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

proxy_bin=$1
origin_bin=$2
ports 20

check_more() { # NAME LEAST GOT
    [ "${3:-0}" -ge "$2" ] 2>/dev/null
    check "$1: ${3:-none}" 0 $?
}

fetch() { curl -sk --max-time 20 "$@"; }
ctl() { fetch "http://127.0.0.1:$((base + 2))$1" "${@:2}"; }
total() { ctl /status | awk -v name="$1" '$1 == name { print $2 }'; }
# server BACKEND N WORD: the number behind the word
server() { ctl /status | awk -v b="$1" -v n="$2" -v w="$3" '$1 == "server" && $2 == b && $3 == n { for (i = 4; i < NF; i++) if ($i == w) print $(i + 1) }'; }
state() { ctl /status | awk -v b="$1" -v n="$2" '$1 == "server" && $2 == b && $3 == n { print $5 }'; }
post() { ctl "/servers/$1" -X POST -o /dev/null -w '%{http_code}'; }

# start LINE...: a proxy with these lines; sets proxy_pid
start() {
    {
        printf 'listen fe 127.0.0.1:%d auto\n' $((base + 1))
        printf 'listen tls 127.0.0.1:%d auto tls %s %s\n' $((base + 3)) "$dir/cert.pem" "$dir/key.pem"
        printf 'listen ctl 127.0.0.1:%d control\n' $((base + 2))
        printf '%s\n' "$@"
    } >"$dir/config"
    "$proxy_bin" "$dir/config" >"$dir/log" 2>&1 &
    proxy_pid=$!
    pids+=("$proxy_pid")
    for _ in $(seq 100); do
        [ "$(ctl /status -o /dev/null -w '%{http_code}')" = 200 ] && return
        sleep 0.1
    done
    say "FAIL  the proxy does not answer"
    cat "$dir/log"
    exit 1
}

stop() {
    kill -USR1 "$proxy_pid"
    wait "$proxy_pid"
    check "$1: soft stop exits" 0 $?
    check "$1: nothing printed" '' "$(cat "$dir/log")"
}

url=http://127.0.0.1:$((base + 1))
tls_url=https://127.0.0.1:$((base + 3))
app="127.0.0.1:$base"
certificate
run origin1 "$origin_bin" "$base" one
run origin2 "$origin_bin" $((base + 4)) two
sleep 0.3

# --- reuse ---
start "backend app $app h1 reuse always"
for _ in 1 2 3 4 5; do fetch -o /dev/null "$url/size/10"; done
check 'always: five clients, one connection' '1 4' "$(total connects) $(total reuses)"
check 'and it is idle' '0 1' "$(server app 1 used) $(server app 1 idle)"
stop always

start "backend app $app h1 reuse safe"
for _ in 1 2 3; do fetch -o /dev/null -o /dev/null "$url/size/10" "$url/size/20"; done
check "safe: a client's first request makes a connection" '3 3' "$(total connects) $(total reuses)"
stop safe

start "backend app $app h1 reuse aggressive"
fetch -o /dev/null "$url/size/10"
fetch -o /dev/null "$url/size/10"
check 'aggressive: not over one that was never reused' '2 0' "$(total connects) $(total reuses)"
fetch -o /dev/null -o /dev/null -o /dev/null "$url/size/10" "$url/size/20" "$url/size/20"
before=$(total connects)
fetch -o /dev/null "$url/size/10"
check 'aggressive: but over one that was' "$before" "$(total connects)"
stop aggressive

start "backend app $app h1 reuse never"
for _ in 1 2; do fetch -o /dev/null -o /dev/null "$url/size/10" "$url/size/20"; done
check 'never: each client has its own, and keeps it' '2 2' "$(total connects) $(total reuses)"
check 'never: it goes with its client' '0 0' "$(server app 1 used) $(server app 1 idle)"
stop never

start "workers 4" "backend app $app h1 reuse always"
for _ in $(seq 20); do
    wrk -t 2 -c 20 -d 1 -H 'Connection: close' "$url/size/100" >"$dir/wrk" 2>&1
    [ "$(total takeovers)" -gt 0 ] && break
done
check_more 'four workers steal from each other' 1 "$(total takeovers)"
check 'and nothing fails' 0 "$(grep -cE 'Socket errors|Non-2xx' "$dir/wrk")"
for _ in $(seq 50); do
    [ "$(server app 1 used)" = 0 ] && break
    sleep 0.1
done
check 'all are given back' 0 "$(server app 1 used)"
stop takeovers

# --- limits ---
start "backend app $app h1 limit 1 queue 1" 'timeout queue 400ms'
# By H2: a client of H1 that has gone looks like one that has said everything.
curl -so /dev/null --max-time 20 --http2-prior-knowledge "$url/never" &
never=$!
sleep 0.3
fetch -o /dev/null -w '%{http_code}' "$url/size/1" >"$dir/queued" &
queued=$!
sleep 0.1
check 'the queue is full: 503' 503 "$(fetch -o /dev/null -w '%{http_code}' "$url/size/1")"
wait $queued
check 'too long in the queue: 503' 503 "$(cat "$dir/queued")"
kill $never
wait $never
sleep 0.2
check 'the slot is given back when the client leaves' 200 "$(fetch -o /dev/null -w '%{http_code}' "$url/size/1")"
stop limit
start "workers 4" "backend app $app 127.0.0.1:$((base + 4)) h1 limit 2 queue 1000 reuse always balance leastconn"
wrk -t 2 -c 50 -d 2 "$url/size/100" >"$dir/wrk" 2>&1
check 'fifty clients through four slots' 0 "$(grep -cE 'Socket errors|Non-2xx' "$dir/wrk")"
check_more 'they queue' 100 "$(ctl /status | awk '$1 == "backend" { print $6 }')"
stop queue

# --- health, maintenance, removal ---
start "backend app 127.0.0.1:1 $app h1 fall 2 down 60s" "backend one $app h1"
for _ in 1 2 3 4; do fetch -o /dev/null -w '%{http_code} ' "$url/size/1" >>"$dir/codes"; done
check 'another server when one refuses' '200 200 200 200 ' "$(cat "$dir/codes")"
check 'which is down then' down "$(state app 1)"
check 'ready: it is up again' '200 up' "$(post app/1/ready) $(state app 1)"
fetch -o /dev/null "$url/size/1" -o /dev/null "$url/size/1"
check 'maintenance' '200 maintenance' "$(post app/2/maintenance) $(state app 2)"
check 'its idle connections leave' '0 0' "$(sleep 0.2 && server app 2 idle) $(server app 2 used)"
check 'remove needs maintenance' 409 "$(post app/1/remove)"
check 'remove' '200 gone' "$(post app/2/remove) $(state app 2)"
check 'remove, once' 404 "$(post app/2/remove)"
check 'gone is gone' 404 "$(post app/2/ready)"
check 'no server is left: 503' 503 "$(fetch -o /dev/null -w '%{http_code}' "$url/size/1")"
for path in /servers/app/0/ready /servers/app/3/ready /servers/none/1/ready /servers/app/1/up /servers/app/1/ready/ /servers/app/x/ready /servers/ /; do
    check "POST $path" 404 "$(ctl $path -X POST -o /dev/null -w '%{http_code}')"
done
check 'GET does nothing' 405 "$(ctl /servers/app/1/maintenance -o /dev/null -w '%{http_code}')"
check 'POST /status' 405 "$(ctl /status -X POST -o /dev/null -w '%{http_code}')"
check 'HEAD /status' 200 "$(ctl /status -I -o /dev/null -w '%{http_code}')"
stop control

# --- each pair of protocols ---
start "listen front2 127.0.0.1:$((base + 5)) h2" "listen front2tls 127.0.0.1:$((base + 6)) h2 tls $dir/cert.pem $dir/key.pem" \
    "listen front1tls 127.0.0.1:$((base + 8)) h1 tls $dir/cert.pem $dir/key.pem" \
    "backend app $app h1 reuse always" \
    "backend h2 127.0.0.1:$((base + 5)) h2 reuse always" \
    "backend h1tls 127.0.0.1:$((base + 8)) h1 tls reuse always" \
    "backend h2tls 127.0.0.1:$((base + 6)) h2 tls verify $dir/cert.pem sni localhost reuse always" \
    "backend wrong 127.0.0.1:$((base + 6)) h2 tls verify $dir/cert.pem sni other.example" \
    'route fe /echo/h2 h2' 'route tls /echo/h2 h2' 'route fe /echo/stls h1tls' 'route tls /echo/stls h1tls' \
    'route fe /echo/h2tls h2tls' 'route tls /echo/h2tls h2tls' 'route fe /wrong wrong'
head -c 300000 /dev/urandom >"$dir/body"
want=$(cksum <"$dir/body")
for client in "--http1.1 $url" "--http2-prior-knowledge $url" "--http1.1 $tls_url" "--http2 $tls_url"; do
    for path in /echo /echo/h2 /echo/stls /echo/h2tls; do
        check "$client$path" "$want" "$(fetch ${client% *} -H 'Expect:' --data-binary "@$dir/body" "${client#* }$path" | cksum)"
    done
done
check 'ALPN chooses h2' 2 "$(fetch -o /dev/null -w '%{http_version}' --http2 "$tls_url/")"
check 'ALPN chooses http/1.1' 1.1 "$(fetch -o /dev/null -w '%{http_version}' --http1.1 "$tls_url/")"
check 'a server that is not who it should be: 503' 503 "$(fetch -o /dev/null -w '%{http_code}' "$url/wrong")"
stop protocols

# --- start ---
printf 'workers 1\nlisten t 127.0.0.1:%d h1 tls /none/cert.pem /none/key.pem\nbackend app %s h1\n' $((base + 7)) "$app" >"$dir/config"
"$proxy_bin" "$dir/config" 2>"$dir/log"
check 'a certificate that is not there' 1 $?
check 'says where' "line 2: TLS of 't'" "$(head -1 "$dir/log" | cut -d: -f1,2)"

exit $failed
