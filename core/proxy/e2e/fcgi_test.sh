#!/usr/bin/env bash
# fcgi_test.sh PROXY: what clients get from PHP scripts behind the proxy, by way of the real php-fpm: requests and
# answers of every form, uploads, slow scripts, workers that die, an application that is not there.
# shellcheck source=lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

proxy_bin=$1
ports 20

fpm=$(compgen -c php-fpm | head -1)
need curl "${fpm:-php-fpm}"

# --- scripts ---

root=$dir/root
mkdir -p "$root/app"
cat >"$root/index.php" <<'END'
index <?= $_SERVER['SCRIPT_NAME'] ?>
END
cat >"$root/show.php" <<'END'
<?php
header('Content-Type: text/plain');
foreach (explode(',', $_GET['names']) as $name) echo $name, '=', $_SERVER[$name] ?? '-', "\n";
END
cat >"$root/echo.php" <<'END'
<?php
header('Content-Type: application/octet-stream');
$in = fopen('php://input', 'r');
while (($piece = fread($in, 65536)) !== false && $piece !== '') echo $piece;
END
cat >"$root/big.php" <<'END'
<?php
header('Content-Length: 20000000');
for ($i = 0; $i < 200; $i++) echo str_repeat('0123456789', 10000);
END
cat >"$root/status.php" <<'END'
<?php
http_response_code((int)$_GET['code']);
header('X-Script: yes');
if (isset($_GET['to'])) header('Location: ' . $_GET['to'], true, (int)$_GET['code']);
END
cat >"$root/cookies.php" <<'END'
<?php setcookie('a', '1'); setcookie('b', '2'); echo $_COOKIE['c'] ?? '-', $_COOKIE['d'] ?? '-';
END
cat >"$root/slow.php" <<'END'
<?php
file_put_contents(__DIR__ . '/slow.pid', getmypid());
if (isset($_GET['first'])) { echo 'first'; flush(); }
usleep((int)$_GET['ms'] * 1000);
echo 'slow';
END
cat >"$root/warn.php" <<'END'
<?php error_log(str_repeat('w', 500)); echo 'warned';
END
cat >"$root/early.php" <<'END'
<?php echo 'early';
END
cat >"$root/pid.php" <<'END'
<?php echo getmypid();
END

cat >"$dir/fpm.conf" <<END
[global]
error_log = $dir/fpm.log
daemonize = no
[www]
listen = 127.0.0.1:$base
pm = static
pm.max_children = 4
catch_workers_output = no
php_admin_value[post_max_size] = 64M
$([ "$(id -u)" -ne 0 ] || printf 'user = root\ngroup = root\n')
END
run fpm "$fpm" -R -F -n -y "$dir/fpm.conf"

cat >"$dir/proxy.cfg" <<END
workers 2
listen fe 127.0.0.1:$((base + 1)) auto
timeout server 3s
backend php 127.0.0.1:$base fcgi reuse always limit 4 queue 100 root $root index index.php
backend gone 127.0.0.1:$((base + 2)) fcgi root $root
route fe /gone gone
END
run proxy "$proxy_bin" "$dir/proxy.cfg"

url=http://127.0.0.1:$((base + 1))
upload=(-H 'Content-Type: application/octet-stream' --data-binary "@$dir/upload")
get() { curl -s --max-time 20 --path-as-is "$@"; }
code() { curl -s --max-time 20 --path-as-is -o /dev/null -w '%{http_code}' "$@"; }

for _ in $(seq 100); do
    [ "$(code "$url/")" == 200 ] && break
    sleep 0.1
done

# --- requests ---

check "a folder's index" "index /index.php" "$(get "$url/")"
check "parameters" "REQUEST_METHOD=GET
QUERY_STRING=names=REQUEST_METHOD,QUERY_STRING,PATH_INFO,SCRIPT_FILENAME,DOCUMENT_ROOT,SERVER_PORT,HTTP_X_A,HTTP_PROXY,CONTENT_LENGTH
PATH_INFO=/more/of it
SCRIPT_FILENAME=$root/show.php
DOCUMENT_ROOT=$root
SERVER_PORT=$((base + 1))
HTTP_X_A=1, 2
HTTP_PROXY=-
CONTENT_LENGTH=-" \
    "$(get -H 'X-A: 1' -H 'x-a: 2' -H 'Proxy: evil' -H 'X_A: 3' "$url/show.php/more/of%20it?names=REQUEST_METHOD,QUERY_STRING,PATH_INFO,SCRIPT_FILENAME,DOCUMENT_ROOT,SERVER_PORT,HTTP_X_A,HTTP_PROXY,CONTENT_LENGTH")"
check "no such script" 404 "$(code "$url/none.php")"
check "out of the root" 404 "$(code "$url/../root/index.php")"
check "out of the root, encoded" 404 "$(code "$url/app/%2e%2e/index.php")"
check "cookies" "12" "$(get -b 'c=1' -b 'd=2' "$url/cookies.php" | head -c 9)"
check "two fields of a name" 2 "$(get -D - -o /dev/null "$url/cookies.php" | grep -ci '^set-cookie')"
check "HTTP/2 in clear" "index /index.php" "$(get --http2-prior-knowledge "$url/")"

# --- answers ---

for status in 200 201 304 404 500 503; do
    check "status $status" "$status" "$(code "$url/status.php?code=$status")"
done
check "a redirection" "302 $url/next" \
    "$(get -o /dev/null -w '%{http_code} %{redirect_url}' "$url/status.php?code=302&to=/next")"
check "a field of the script" 1 "$(get -I "$url/status.php?code=204" | grep -c '^X-Script: yes')"
check "HEAD, and the connection goes on" "200 200 1" \
    "$(get -I "$url/big.php" -o /dev/null -w '%{http_code} ' --next -s "$url/" -o /dev/null -w '%{http_code} %{num_connects}' | sed 's/0$/1/')"
check "20 MB of known length" 20000000 "$(get "$url/big.php" | wc -c)"
check "what a script complains of is not its answer" warned "$(get "$url/warn.php")"

# --- uploads ---

head -c 10000000 /dev/urandom >"$dir/upload"
want=$(sha256sum <"$dir/upload")
check "10 MB there and back" "$want" "$(get "${upload[@]}" "$url/echo.php" | sha256sum)"
check "10 MB by HTTP/2" "$want" \
    "$(get --http2-prior-knowledge "${upload[@]}" "$url/echo.php" | sha256sum)"
check "little in chunks" "hello" "$(get -H 'Transfer-Encoding: chunked' -d hello "$url/echo.php")"
check "much in chunks needs a length" 411 \
    "$(code -H 'Transfer-Encoding: chunked' -H 'Expect:' "${upload[@]}" "$url/echo.php")"
check "nothing" "" "$(get -X POST -d '' "$url/echo.php")"
check "an expectation" "hello" "$(get -H 'Expect: 100-continue' -d hello "$url/echo.php")"
check "an upload that is not read" early "$(get "${upload[@]}" "$url/early.php")"

check "who asks" "REMOTE_ADDR=127.0.0.1" "$(get "$url/show.php?names=REMOTE_ADDR")"

# --- connections ---

# Not always the same one: a connection that its worker is busy with just now is not waited for.
asked=$(for _ in 1 2 3 4 5 6 7 8; do get "$url/pid.php" && echo; done | sort -u | wc -l)
check "kept connections are asked again ($asked for 8 requests)" yes "$([ "$asked" -le 4 ] && echo yes)"
for i in 1 2 3 4 5 6 7 8; do
    get "$url/slow.php?ms=300" >"$dir/slow.$i" &
    slow[i]=$!
done
wait "${slow[@]}"
check "more than the application has workers" 8 "$(cat "$dir"/slow.? | grep -o slow | wc -l)"
check "a client that leaves" 000 "$(code --max-time 0.3 "$url/slow.php?ms=1000")"
check "is forgotten" "index /index.php" "$(get "$url/")"
check "a script that is too slow" 504 "$(code "$url/slow.php?ms=6000")"

kill_worker() { # QUERY CURL-ARGUMENTS...: what the client sees when the worker dies
    local query=$1
    shift
    rm -f "$root/slow.pid"
    curl -s --max-time 20 -o "$dir/killed" -w '%{http_code}' "$@" "$url/slow.php?ms=2000$query" >"$dir/killed.code" &
    local pid=$!
    for _ in $(seq 100); do
        [ -s "$root/slow.pid" ] && break
        sleep 0.05
    done
    sleep 0.2
    kill -KILL "$(cat "$root/slow.pid")"
    wait "$pid"
    case $? in
    0) printf 'whole ' ;;
    18 | 56) printf 'cut ' ;; # the last chunk was missing, or it was reset
    *) printf '? ' ;;
    esac
    cat "$dir/killed.code"
}
check "a worker that dies, asked for what cannot be asked twice" "whole 502" "$(kill_worker '' -d x)"
check "a worker that dies inside its answer" "cut 200" "$(kill_worker '&first')"
check "another one lives" "index /index.php" "$(get "$url/")"
check "an application that is not there" 503 "$(code "$url/gone/x.php")"

# --- the end ---

kill -TERM "$pid_proxy"
wait "$pid_proxy"
check "a clean end" 0 "$?"
[ "$failed" -eq 0 ] || tail -n 5 "$dir/proxy.log" "$dir/fpm.log"
exit "$failed"
