#!/usr/bin/env bash
# protocols_test.sh PROXY ORIGIN MEGABYTES: what clients of nghttp2 and curl see at the edges: large bodies through small
# buffers, a thousand streams, resets, GOAWAY under load, heads over the limit, malformed and smuggled requests.
# shellcheck source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

proxy_bin=$1
origin_bin=$2
megabytes=$3
ports 20

need h2load nghttp curl openssl
certificate
run origin "$origin_bin" $base one

for i in 1 6; do
    cat >"$dir/back$i.cfg" <<END
workers 1
listen two 127.0.0.1:$((base + i)) h2
backend app 127.0.0.1:$base h1 reuse always
END
done
cat >"$dir/front.cfg" <<END
workers 2
buffer-size 16384
streams-max 1000
listen fe 127.0.0.1:$((base + 2)) auto
listen tls 127.0.0.1:$((base + 3)) auto tls $dir/cert.pem $dir/key.pem
listen ctl 127.0.0.1:$((base + 4)) control
listen strict 127.0.0.1:$((base + 5)) h1
backend one 127.0.0.1:$base h1 reuse always
backend two 127.0.0.1:$((base + 1)) 127.0.0.1:$((base + 6)) h2 reuse always
route tls / two
timeout client 60s
timeout server 60s
END
run back "$proxy_bin" "$dir/back1.cfg"
run back2 "$proxy_bin" "$dir/back6.cfg"
run front "$proxy_bin" "$dir/front.cfg"
clear=http://127.0.0.1:$((base + 2))
tls=https://127.0.0.1:$((base + 3))
for url in "$clear/" "$tls/"; do
    for _ in $(seq 100); do
        curl -sfko /dev/null --max-time 5 "$url" && break
        sleep 0.1
    done
done

fetch() { curl -sk --max-time 300 "$@"; }
memory_kb() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }
status() { fetch -o /dev/null -w '%{http_code}' "$@"; }
in_use() { fetch "http://127.0.0.1:$((base + 4))/status" | grep -Eo 'used [0-9]+' | awk '{ sum += $2 } END { print sum + 0 }'; }

# --- large bodies ---
size=$((megabytes * 1048576))
sum=$(fetch "http://127.0.0.1:$base/stream/$size" | cksum)
for how in "--http1.1 $clear" "--http2-prior-knowledge $clear" "--http1.1 $tls" "--http2 $tls"; do
    check "$megabytes MB down, $how" "$sum" "$(fetch ${how% *} "${how#* }/stream/$size" | cksum)"
    check "$megabytes MB up, $how" "$(head -c $size /dev/zero | fetch -H 'Expect:' -T - "http://127.0.0.1:$base/count")" \
        "$(head -c $size /dev/zero | fetch ${how% *} -H 'Expect:' -T - "${how#* }/count")"
done
memory=$(memory_kb "$pid_front")
check "memory stays small: $memory kB" yes "$([ "$memory" -lt 65536 ] && echo yes)"

# A client that reads at a trickle keeps no memory.
fetch --limit-rate 100K --max-time 3 -o /dev/null --http2-prior-knowledge "$clear/stream/$size" &
slow=$!
fetch --limit-rate 100K --max-time 3 -o /dev/null "$clear/stream/$size" &
wait $slow $!
memory=$(memory_kb "$pid_front")
check "slow readers cost nothing: $memory kB" yes "$([ "$memory" -lt 65536 ] && echo yes)"

# --- streams ---
succeeded() { sed -n 's/^requests: .* \([0-9]*\) succeeded.*/\1/p'; }
check '1,000 concurrent streams' 4000 "$(h2load -n 4000 -c 1 -m 1000 "$clear/size/2000" | succeeded)"
check '1,000 concurrent streams, TLS, to an H2 server' 4000 "$(h2load -n 4000 -c 1 -m 1000 "$tls/size/2000" | succeeded)"

# curl ends its stream by RST when the time is up, while others are served over the same connections to the server.
for _ in $(seq 10); do
    fetch --http2 -m 0.2 -o /dev/null "$tls/stream/$size"
    fetch --http2-prior-knowledge -m 0.1 -o /dev/null "$clear/never"
done
check 'after resets all is served' 200 "$(status --http2 "$tls/size/1")"
for _ in $(seq 50); do
    [ "$(in_use)" = 0 ] && break
    sleep 0.1
done
check 'and nothing is left in use' 0 "$(in_use)"

# A server that says GOAWAY under load and leaves: what it has begun it finishes, the rest goes to the other one.
h2load -D 4 -c 4 -m 20 "$tls/size/500" >"$dir/goaway" 2>&1 &
load=$!
sleep 1.5
kill -USR1 "$pid_back"
wait "$pid_back"
check 'a server that is stopped softly exits' 0 $?
wait $load
said=$(sed -n 's/^requests: //p;s/^status codes: //p' "$dir/goaway" | paste -sd' ')
check "GOAWAY from the server: $said" yes "$(grep -Eq ' 0 failed, 0 errored' "$dir/goaway" && echo yes)"

# --- trailers ---
check 'trailers, H1 to H2' 1 "$(nghttp -v "$clear/chunked/10" 2>/dev/null | grep -c 'x-trailer: t')"

# --- limits ---
long=$(head -c 15000 /dev/zero | tr '\0' a)
for how in --http1.1 --http2-prior-knowledge; do
    check "431, $how" 431 "$(status $how -H "A: $long" -H "B: $long" "$clear/")"
    many=()
    for i in $(seq 200); do many+=(-H "X-$i: 1"); done
    check "431 for too many fields, $how" 431 "$(status $how "${many[@]}" "$clear/")"
done
check 'and then all is served' 200 "$(status --http2-prior-knowledge "$clear/size/1")"

# --- malformed, smuggled: refused, closed ---
raw() { # BYTES: first line of the answer, and "closed" when the connection was
    exec 3<>"/dev/tcp/127.0.0.1/$((base + 5))"
    printf "$1" >&3
    timeout 10 cat <&3 | tr -d '\r' | awk 'NR == 1 { print $2 }'
    [ "${PIPESTATUS[0]}" -ne 124 ] || echo open
    exec 3>&-
}
probes=0
while IFS='|' read -r want name bytes; do
    [ -n "$want" ] || continue
    check "$name" "$want" "$(raw "$bytes" | paste -sd' ')"
    probes=$((probes + 1))
done <<'END'
400|lengths that conflict|POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde
400|a list of lengths|POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 5\r\n\r\nabcde
400|length and coding|POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
400|a signed length|POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd
400|a length that is too big|POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n
400|a chunk size that is none|POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n
400|a chunk size that overflows|POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff4\r\nabcd\r\n0\r\n\r\n
400|a chunk without its end|POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcdX0\r\n\r\n
400|a folded line|GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n
400|space before the colon|GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 4\r\n\r\n
400|a bare line feed|GET / HTTP/1.1\nHost: a\n\n
400|a bare carriage return|GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n
400|two hosts|GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n
400|no host|GET / HTTP/1.1\r\n\r\n
400|coding in HTTP/1.0|POST /count HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n
400|chunked twice|POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n
400|a last coding that is not chunked|POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n
501|another coding|POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n
400|a field without a name|GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n
501|CONNECT|CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n
END
check 'probes made' 20 $probes

# A second request smuggled behind the first must get no answer of its own.
answers=$(printf 'POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /size/7 HTTP/1.1\r\nHost: a\r\n\r\n' |
    timeout 10 curl -s --max-time 5 "telnet://127.0.0.1:$((base + 5))" | grep -c '^HTTP/1.1')
check 'what was smuggled gets no answer' 1 "$answers"

# --- end ---
kill -USR1 "$pid_front"
wait "$pid_front"
check 'the front stops softly' 0 $?
check 'and said nothing' '' "$(cat "$dir/front.log")"
exit $failed
