#!/usr/bin/env bash
# files.sh: every scenario file is right, written canonically, and survives its binary form.
# shellcheck source=cases.sh
. "$(dirname "$0")/cases.sh"

heddle=${builds[plain]}

is_right_and_canonical() # FILE
{
    run_expecting 0 "$heddle" check "$1"
    [ ! -s "$err" ] || {
        show "$err"
        fail "check warns"
    }
    run_expecting 0 "$heddle" fmt "$1"
    diff -u "$1" "$out" || fail "not as heddle fmt writes it"
}

survives_binary() # FILE
{
    run_expecting 0 "$heddle" encode "$1" -o "$case_dir/binary"
    [ -s "$case_dir/binary" ] || fail "encode wrote nothing"
    run_expecting 0 "$heddle" decode "$case_dir/binary" -o "$case_dir/again.scn"
    diff -u "$1" "$case_dir/again.scn" || fail "text, binary, text: something was lost"
    run_expecting 0 "$heddle" encode "$case_dir/again.scn" -o "$case_dir/binary2"
    cmp "$case_dir/binary" "$case_dir/binary2" || fail "the binary form is not canonical"
}

for file in "${files[@]}"; do
    name=$(scenario_name "$file")
    run_case "$name is_right_and_canonical" is_right_and_canonical "$file"
    run_case "$name survives_binary" survives_binary "$file"
done
end_cases
