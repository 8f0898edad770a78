#!/usr/bin/env bash
# Makes the certificates of the tests anew, in this folder, valid from 2020 to 2120: an authority
# that nobody trusts, what it signed for "heddle.test", a stranger, and a key of nobody's.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

cat >"$work/config" <<END
[ca]
default_ca = any
[any]
database = $work/database
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[server]
subjectAltName = DNS:heddle.test
END
: >"$work/database"
echo 01 >"$work/serial"

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

sign() # NAME KEY OUT EXTENSIONS WHOSE...
{
    openssl req -new -key "$2" -subj "/CN=$1" -out "$work/request"
    openssl ca -batch -notext -config "$work/config" -extensions "$4" -in "$work/request" -out "$3" \
        -startdate 20200101000000Z -enddate 21200101000000Z "${@:5}"
}

key "$work/ca.key"
key "$work/stranger.key"
key server.key
key other.key
sign "Heddle test authority" "$work/ca.key" ca.pem authority -selfsign -keyfile "$work/ca.key"
sign "A stranger" "$work/stranger.key" stranger.pem authority -selfsign -keyfile "$work/stranger.key"
sign heddle.test server.key server.pem server -cert ca.pem -keyfile "$work/ca.key"
chmod 644 ./*.key
