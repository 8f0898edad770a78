#!/usr/bin/env bash
# actors.sh: actors with actors, no node between them. Those that behave find nothing wrong with each
# other, in every mood; who breaks a rule of H2, FastCGI or TLS is told which one it was.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

schedules=${options[schedules]}

behaves() # FILE
{
    run_expecting 0 "${builds[explore]}" explore "$1" --schedules "$schedules" --out "$case_dir" --json
    [ "$(json_field "$out" summary schedules)" = "$schedules" ] || fail "not all schedules ran"
}

is_caught() # TITLE DECLARATIONS EVENTS
{
    printf '%s\n' "$2" "$3" "end    any" >"$case_dir/case.scn"
    run_expecting 1 "${builds[explore]}" explore "$case_dir/case.scn" --schedules 20 \
        --out "$case_dir/found" --json
    [[ $(json_field "$out" summary title) == *"$1"* ]] ||
        fail "it says: $(json_field "$out" summary title)"
}

h2='client c 10.9.0.1 h2
server s 10.0.1.1:80 h2 streams=1 window=100
+0us c connect 10.0.1.1:80
..1s c got settings'

breaks() # NAME TITLE EVENT...: the client, told by the server; or the other way round
{
    local name=$1 title=$2
    shift 2
    run_case "h2_$name" is_caught "$title" "$h2" "$(printf '%s\n' "$@")"
}

for file in "${files[@]}"; do
    name=${file##*/}
    case $name in
    *_bad_*) run_case "${name%.scn}" is_caught "in FastCGI, " "$(grep -v '^expect' "$file")" "" ;;
    *) run_case "${name%.scn}" behaves "$file" ;;
    esac
done

# A request whose block is :method GET, :scheme http, :path /
request='x"828684"'
bytes101=x\"$(printf '61%.0s' {1..101})\"

breaks data_on_idle_stream "frame 0 of stream 1, which nobody opened" '+0us c frame 0 0 1 "x"'
breaks even_stream "a new stream with the number 2" "+0us c frame 1 5 2 $request"
breaks lower_stream "a new stream with the number 1, after 3" "+0us c frame 1 5 3 $request" \
    "+0us c frame 1 5 1 $request"
breaks window_of_stream "more data than the window of stream 1" "+0us c frame 1 4 1 $request" \
    "+0us c frame 0 0 1 $bytes101"
breaks upper_case "a field that is none" '+0us c frame 1 5 1 x"8286840001410162"'
breaks line_end_in_value "a field that is none" '+0us c frame 1 5 1 x"828684000161030d0a62"'
breaks field_of_connection "a field of one connection: te" \
    '+0us c frame 1 5 1 x"8286840002746501 61"'
breaks no_path "a request without" '+0us c frame 1 5 1 x"8286"'
breaks pseudo_behind_regular "a pseudo-field in the wrong place" \
    '+0us c frame 1 5 1 x"8286000161016284"'
breaks method_twice "an unknown or repeated pseudo-field" '+0us c frame 1 5 1 x"82868482"'
breaks ping_of_one_byte "a ping of 1 bytes" '+0us c frame 6 0 0 "x"'
breaks settings_of_a_stream "frame 4 of stream 1" '+0us c frame 4 0 1'
breaks settings_cut_off "settings of 5 bytes" '+0us c frame 4 0 0 "12345"'
breaks setting_too_large "a setting 4 of 2147483648" '+0us c frame 4 0 0 x"000480000000"'
breaks acknowledged_twice "settings that nobody sent" '+1ms c frame 4 1 0'
breaks update_of_nothing "a window update of nothing" '+0us c window-update 0'
breaks window_too_large "a window larger than there can be" '+0us c window-update 2147483647'
breaks continuation_of_nothing "where a header block is not open" '+0us c frame 9 4 1 x"82"'
breaks block_interrupted "where a header block is open" "+0us c frame 1 1 1 $request" '+0us c ping'
breaks too_many_streams "more than 1 requests at once" "+1ms c frame 1 4 1 $request" \
    "+0us c frame 1 4 3 $request"
breaks bad_block "a header block that is none" '+0us c frame 1 5 1 x"ff"'
breaks length_unlike_body "a content-length of 5" '+0us c frame 1 5 1 x"8286840f0d0135"'
breaks push "a push" "+0us c frame 1 4 1 $request" '+0us c frame 5 4 1 x"00000002828684"'
breaks frame_too_long "a frame of 16385 bytes" '+0us c send x"004001000000000001"'
breaks data_behind_end "data where stream 1 has none" "+0us c frame 1 5 1 $request" \
    '+0us c frame 0 1 1 "x"'
breaks trailers_without_end "trailers without an end" "+0us c frame 1 4 1 $request" \
    '+0us c frame 1 4 1 x"0001610162"'
breaks padding_without_end "more padding than frame" "+0us c frame 1 4 1 $request" \
    '+0us c frame 0 9 1 x"05"'
breaks goaway_taken_back "a goaway that takes back" '+0us s goaway 1' '+0us s goaway 3'
breaks answer_on_idle_stream "a head of stream 3, which nobody opened" '+0us s frame 1 5 3 x"88"'
breaks answer_without_status "a response without :status" '+0us c > GET /' '..1s s < GET /' \
    '+0us s frame 1 5 1 x"0001610162"' '..1s c < 200'
breaks other_body "whose body differs" '+0us c > GET /' '..1s s < GET /' \
    '+0us s frame 1 4 1 x"880006782d626f647903312d33"' '+0us s frame 0 1 1 "abc"' '..1s c < 200'

raw='client c 10.9.0.1 raw
server s 10.0.1.1:80'
run_case h2_no_preface is_caught "no preface" "$raw h2" \
    '+0us c connect 10.0.1.1:80
+0us c send "GET / HTTP/1.1\r\n\r\n"
..1s c eof'

tells_tls() # NAME TITLE BYTES
{
    run_case "tls_$1" is_caught "$2" "$raw tls" "+0us c connect 10.0.1.1:80
+0us c send $3
..1s c eof"
}
tells_tls data_first "data before the handshake" 'x"04000161"'
tells_tls unknown_record "a record of an unknown type" 'x"090000"'
tells_tls bad_hello "a client hello that is none" 'x"01000161"'
tells_tls hello_twice "a hello in the wrong place" 'x"01000200000100020000"'
tells_tls ticket_of_client "a ticket in the wrong place" 'x"01000300610003000007000161"'
run_case tls_no_h2 is_caught "ALPN has not agreed" 'client c 10.9.0.1 h2 tls
server s 10.0.1.1:80 tls' '+0us c connect 10.0.1.1:80
..1s c eof'

end_cases
