#!/usr/bin/env bash
# mixed_test.sh PROXY ORIGIN SECONDS: every protocol at once. A front proxy with 4 workers and `reuse always` is loaded by
# 100 connections of h2load (clear and TLS), wrk (kept and closed) and curl, and passes on by H1, by H2 (a second proxy)
# and by FastCGI (php-fpm). No request may fail, connections must have been stolen, and all ends cleanly.
# shellcheck source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

proxy_bin=$1
origin_bin=$2
seconds=$3
ports 20

holds() { # NAME STATUS [FILE]: a status of 0 is what is wanted
    if [ "$2" -eq 0 ]; then
        say "ok    $1"
        return
    fi
    say "FAIL  $1"
    [ $# -lt 3 ] || sed 's/^/      /' "$3" | tail -30
    failed=1
}

await() { # NAME CURL-ARGUMENTS...
    local name=$1
    shift
    for _ in $(seq 150); do
        curl -sfko /dev/null --max-time 5 "$@" && return
        sleep 0.1
    done
    say "FAIL  $name does not answer"
    cat "$dir/$name.log"
    exit 1
}

fpm=$(compgen -c php-fpm | head -1)
need h2load wrk curl openssl "${fpm:-php-fpm}"

# --- what is behind ---

certificate
mkdir -p "$dir/root/app"
cat >"$dir/root/app/index.php" <<'END'
<?php header('Content-Type: text/plain'); echo 'php says ', $_SERVER['REQUEST_METHOD'], ' ', $_GET['n'] ?? '-', "\n";
END
cat >"$dir/fpm.conf" <<END
[global]
error_log = $dir/fpm.log
daemonize = no
[www]
listen = 127.0.0.1:$base
listen.backlog = 511
pm = static
pm.max_children = 8
pm.max_requests = 0
$([ "$(id -u)" -ne 0 ] || printf 'user = root\ngroup = root\n')
END
chmod 755 "$dir" "$dir/root" "$dir/root/app"
run fpm "$fpm" -R -F -n -y "$dir/fpm.conf"
run origin1 "$origin_bin" $((base + 1)) one
run origin2 "$origin_bin" $((base + 2)) two

cat >"$dir/back.cfg" <<END
workers 2
listen two 127.0.0.1:$((base + 3)) h2
backend app 127.0.0.1:$((base + 1)) 127.0.0.1:$((base + 2)) h1 reuse always
END
cat >"$dir/front.cfg" <<END
workers 4
listen fe 127.0.0.1:$((base + 4)) auto
listen tls 127.0.0.1:$((base + 5)) auto tls $dir/cert.pem $dir/key.pem
listen ctl 127.0.0.1:$((base + 6)) control
backend one 127.0.0.1:$((base + 1)) 127.0.0.1:$((base + 2)) h1 reuse always
backend two 127.0.0.1:$((base + 3)) h2 reuse always
backend app 127.0.0.1:$base fcgi reuse always limit 8 queue 1000 root $dir/root index index.php
route fe /chunked two
route tls /chunked two
route fe /app app
route tls /app app
END
run back "$proxy_bin" "$dir/back.cfg"
run front "$proxy_bin" "$dir/front.cfg"
await origin1 "http://127.0.0.1:$((base + 1))/"
await back --http2-prior-knowledge "http://127.0.0.1:$((base + 3))/"
clear=http://127.0.0.1:$((base + 4))
tls=https://127.0.0.1:$((base + 5))
await front "$clear/size/10"
await front --http2 "$tls/chunked/10"
await fpm "$clear/app/index.php?n=1"

# --- 100 connections, all at once ---

loads=()
load() { # NAME COMMAND...
    local name=$1
    shift
    "$@" >"$dir/$name.out" 2>&1 &
    loads+=("$name:$!")
    pids+=($!)
}

load h2-clear h2load -t 1 -c 20 -m 4 -D "$seconds" "$clear/size/3000"
load h2-tls h2load -t 1 -c 20 -m 4 -D "$seconds" "$tls/chunked/20000"
load h1-kept wrk -t 1 -c 25 -d "${seconds}s" --timeout 20s "$clear/chunked/1000"
load h1-closed wrk -t 1 -c 14 -d "${seconds}s" --timeout 20s -H 'Connection: close' "$clear/size/100"
load h1-tls wrk -t 1 -c 10 -d "${seconds}s" --timeout 20s "$tls/size/40000"
load php wrk -t 1 -c 10 -d "${seconds}s" --timeout 20s "$clear/app/index.php?n=7"

# The last one compares every byte.
head -c 300000 /dev/urandom >"$dir/body"
until_s=$((SECONDS + seconds))
rounds=0
wrong=0
while [ $SECONDS -lt $until_s ]; do
    for how in --http1.1 --http2; do
        # Without Expect: curl waits a second for a server that does not answer it, like this origin.
        curl -sk $how --max-time 30 -H 'Expect:' --data-binary "@$dir/body" -o "$dir/echo" "$tls/echo" &&
            cmp -s "$dir/body" "$dir/echo" || wrong=$((wrong + 1))
        rounds=$((rounds + 1))
    done
done
for entry in "${loads[@]}"; do
    wait "${entry#*:}"
    holds "${entry%%:*} ended by itself" $? "$dir/${entry%%:*}.out"
done

for name in h2-clear h2-tls; do
    said=$(sed -n 's/^requests: //p' "$dir/$name.out")
    [[ $said =~ \ [1-9][0-9]*\ succeeded,\ 0\ failed,\ 0\ errored,\ 0\ timeout ]]
    holds "$name: $said" $? "$dir/$name.out"
done
for name in h1-kept h1-closed h1-tls php; do
    said=$(sed -n 's/^ *\(.* requests in .*\)/\1/p;/Non-2xx\|Socket errors/p' "$dir/$name.out" | paste -sd' ')
    [[ $said =~ ^[1-9][0-9]*\ requests && ! $said =~ Non-2xx|Socket\ errors ]]
    holds "$name: $said" $? "$dir/$name.out"
done
[ "$rounds" -gt 0 ] && [ $wrong -eq 0 ]
holds "curl: $rounds bodies of 300,000 bytes there and back, $wrong wrong" $?

# --- afterwards ---

curl -s "http://127.0.0.1:$((base + 6))/status" >"$dir/status"
takeovers=$(grep -Eo 'takeovers [0-9]+' "$dir/status" | head -1 | cut -d' ' -f2)
[ "${takeovers:-0}" -gt 0 ]
holds "connections stolen: ${takeovers:-none}" $? "$dir/status"

stop() { # NAME PID
    kill -USR1 "$2"
    for _ in $(seq 300); do
        kill -0 "$2" 2>/dev/null || break
        sleep 0.1
    done
    kill -0 "$2" 2>/dev/null
    [ $? -ne 0 ]
    holds "$1 stops softly" $? "$dir/$1.log"
    wait "$2"
    holds "$1 exits with 0" $? "$dir/$1.log"
    ! grep -Eq 'WARNING|ERROR|broken' "$dir/$1.log"
    holds "$1 reports nothing" $? "$dir/$1.log"
}
stop front "$pid_front"
stop back "$pid_back"
exit $failed
