#!/usr/bin/env bash
# pictures.sh: a run in the forms that other programs show: the timeline in a browser, Chrome's trace
# events, a capture file, JUnit, SARIF, GitHub's annotations.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

heddle=${builds[explore]}
# Where scenarios/ is, and the sources.
HEDDLE_ROOT=$(dirname "$(readlink -f "${options[anchor]}")")
export HEDDLE_ROOT

find_k01() # leaves the reproducer in `found`
{
    run_expecting 1 "$heddle" explore fd/soft_stop_during_accept --plant K01 --oracle deadlock \
        --out "$case_dir/found.scn"
    found=$case_dir/found.scn
}

# Runs the page with a script of ours at its end; what that leaves in #outcome is printed.
look_at_page() # PAGE
{
    local browser=$case_dir/browser
    mkdir -p "$browser"
    cat >>"$1" <<'END'
<pre id="outcome"></pre>
<script>
const errors = [];
addEventListener("error", e => errors.push(e.message));
addEventListener("load", () => setTimeout(() => {
    const say = s => { document.getElementById("outcome").textContent += s + "\n"; };
    try {
        const started = performance.now();
        draw();
        say("drawn_ms=" + Math.round(performance.now() - started));
        document.getElementById("fail").click();
        draw();
        document.getElementById("detail").innerHTML = "";
        const x = toX(at(failing)) + 2, y = rows[data.thread[failing]].y + 10;
        for (const type of ["pointerdown", "pointerup"]) {
            const box = canvas.getBoundingClientRect();
            canvas.dispatchEvent(new PointerEvent(type, { clientX: box.left + x, clientY: box.top + y, pointerId: 1, bubbles: true }));
        }
        const source = document.getElementById("source");
        say("picked=" + picked + " failing=" + failing);
        say("place=" + document.getElementById("place").textContent);
        say("source=" + (source ? source.textContent : ""));
        dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }));
        say("left=" + picked);
        say("steps=" + n);
    } catch (error) { errors.push(String(error)); }
    say("errors=" + errors.join("; "));
}, 200));
</script>
END
    HOME=$browser timeout 120 chromium --headless --no-sandbox --disable-gpu \
        --disable-dev-shm-usage --user-data-dir="$browser" --enable-logging=stderr --v=0 \
        --virtual-time-budget=5000 --window-size=1300,800 --dump-dom "file://$1" \
        >"$case_dir/dom" 2>"$case_dir/console" || fail "the browser failed: $(tail -3 "$case_dir/console")"
    ! grep -E 'CONSOLE.*(Error|error)' "$case_dir/console" || fail "the console has errors"
    sed -n '/<pre id="outcome">/,/<\/pre>/p' "$case_dir/dom" | tail -n 8
}

outcome() # NAME
{
    sed -n "s/^\(<pre id=\"outcome\">\)\{0,1\}$1=//p" "$case_dir/outcome"
}

the_timeline_shows_the_failing_step()
{
    find_k01
    run_expecting 1 "$heddle" replay "$found" --timeline "$case_dir/page.html"
    ! grep -qE '(src|href)="?https?:' "$case_dir/page.html" || fail "the page asks the network"
    look_at_page "$case_dir/page.html" >"$case_dir/outcome"
    cat "$case_dir/outcome"
    [ -z "$(outcome errors)" ] || fail "errors: $(outcome errors)"
    [[ $(outcome picked) =~ ^([0-9]+)\ failing=([0-9]+)$ ]] || fail "nothing was picked"
    [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ] || fail "the click picked another step"
    [ "$(outcome left)" = "$((BASH_REMATCH[1] - 1))" ] || fail "the arrow key went elsewhere"
    [[ $(outcome place) =~ ^(core|sim)/.*:[0-9]+$ ]] || fail "no place: $(outcome place)"
    [ -n "$(outcome source)" ] || fail "no line of source"
}

trace_events_are_json()
{
    find_k01
    run_expecting 1 "$heddle" replay "$found" --perfetto "$case_dir/events.json" --json
    local steps threads
    steps=$(json_field "$out" run steps)
    [ "$(jq '[.traceEvents[] | select(.ph == "X")] | length' "$case_dir/events.json")" -eq "$steps" ] ||
        fail "not one event for each of $steps steps"
    threads=$(jq -r '.traceEvents[] | select(.name == "thread_name") | .args.name' "$case_dir/events.json")
    [[ $threads == *w0*w1* ]] || fail "no thread names: $threads"
    jq -e '[.traceEvents[] | select(.ph == "s")] | length > 0' "$case_dir/events.json" >/dev/null ||
        fail "nothing leads to anything"
}

# A connection is opened, asked, answered and closed: a reader of captures finds it in order.
the_capture_is_read_by_tshark()
{
    cat >"$case_dir/one.scn" <<'END'
node p
    workers 1
    listen fe 10.0.0.1:80 h1
    backend app 10.0.1.1:8080 h1
client c 10.9.0.1
server s1 10.0.1.1:8080 auto body=10

+0us   c connect 10.0.0.1:80
+0us   c > GET /a HTTP/1.1 close
..5ms  c < 200
END
    run_expecting 0 "$heddle" replay "$case_dir/one.scn" --pcap "$case_dir/net.pcap"
    export HOME=$case_dir
    tshark -r "$case_dir/net.pcap" -T fields -e tcp.flags.str -e tcp.len -e http.request.method \
        -e http.response.code >"$case_dir/packets" 2>/dev/null || fail "tshark cannot read it"
    cat "$case_dir/packets"
    # Two connections: SYN and SYN-ACK of each, a request and a response in each.
    [ "$(grep -c 'S·' "$case_dir/packets")" -eq 4 ] || fail "not two handshakes"
    [ "$(cut -f3 "$case_dir/packets" | grep -c GET)" -eq 2 ] || fail "not two requests"
    [ "$(cut -f4 "$case_dir/packets" | grep -c 200)" -eq 2 ] || fail "not two responses"
    local packets bytes
    packets=$(wc -l <"$case_dir/packets")
    bytes=$(stat -c %s "$case_dir/net.pcap")
    # The file's header, and for each packet its own, IP's, TCP's and what it carries.
    [ "$bytes" -eq "$((24 + packets * 56 + $(cut -f2 "$case_dir/packets" | paste -sd+ | bc)))" ] ||
        fail "$bytes bytes for $packets packets"
    [ -z "$(tshark -r "$case_dir/net.pcap" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
        -Y 'tcp.checksum.status == 0 || ip.checksum.status == 0 || tcp.analysis.flags' 2>/dev/null)" ] ||
        fail "checksums or sequence numbers are wrong"
}

ci_formats_say_what_was_found()
{
    run_expecting 1 "$heddle" explore fd/soft_stop_during_accept proxy/answers_come_back \
        --plant K01 --oracle deadlock --schedules 300 --out "$case_dir/found" \
        --junit "$case_dir/junit.xml" --sarif "$case_dir/log.sarif" --github
    grep -qE '^::error file=core/.*,line=[0-9]+,title=deadlock%3A ' "$out" || fail "no annotation"
    xmllint --noout "$case_dir/junit.xml" || fail "no XML"
    [ "$(xmllint --xpath 'count(//testcase)' "$case_dir/junit.xml")" -eq 2 ] || fail "not two cases"
    [ "$(xmllint --xpath 'string(//testsuite/@failures)' "$case_dir/junit.xml")" = 1 ] ||
        fail "not one failure"
    [[ $(xmllint --xpath 'string(//failure/@message)' "$case_dir/junit.xml") == deadlock:* ]] ||
        fail "the failure is another"
    jq -e '.version == "2.1.0" and (.runs | length) == 1 and
        (.runs[0].tool.driver.name | type) == "string" and
        ([.runs[0].tool.driver.rules[].id] | unique | length) == (.runs[0].tool.driver.rules | length) and
        (.runs[0].results | length) == 1 and
        (.runs[0] as $run | $run.results | all(
            $run.tool.driver.rules[.ruleIndex].id == .ruleId and
            (.message.text | length) > 0 and
            .locations[0].physicalLocation.region.startLine > 0 and
            (.locations[0].physicalLocation.artifactLocation.uri | startswith("core/"))))' \
        "$case_dir/log.sarif" >/dev/null || fail "not what SARIF asks for: $(cat "$case_dir/log.sarif")"
    for pair in data-race:362 deadlock:833 heap-use-after-free:416; do
        jq -e --arg id "${pair%:*}" --arg cwe "external/cwe/cwe-${pair#*:}" \
            '.runs[0].tool.driver.rules | any(.id == $id and (.properties.tags | index($cwe)))' \
            "$case_dir/log.sarif" >/dev/null || fail "$pair is not in the rules"
    done
}

a_missing_target_is_an_error_of_its_own()
{
    run_expecting 3 "$heddle" explore fd/no_such_scenario proxy/answers_come_back \
        --schedules 20 --out "$case_dir/found" --junit "$case_dir/junit.xml"
    [ "$(xmllint --xpath 'string(//testsuite/@errors)' "$case_dir/junit.xml")" = 1 ] ||
        fail "not one error"
    [ "$(xmllint --xpath 'string(//testsuite/@failures)' "$case_dir/junit.xml")" = 0 ] ||
        fail "a missing file is no finding"
}

run_case the_timeline_shows_the_failing_step the_timeline_shows_the_failing_step
run_case trace_events_are_json trace_events_are_json
run_case the_capture_is_read_by_tshark the_capture_is_read_by_tshark
run_case ci_formats_say_what_was_found ci_formats_say_what_was_found
run_case a_missing_target_is_an_error_of_its_own a_missing_target_is_an_error_of_its_own
end_cases
