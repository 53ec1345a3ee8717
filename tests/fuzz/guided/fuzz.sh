#!/usr/bin/env bash
# One fuzzer of build-fuzz for so many seconds: tests/fuzz/guided/fuzz.sh frame 600 [options of libFuzzer]
# The corpus grows in build-fuzz/corpus/NAME; what breaks a promise lies in build-fuzz/found.
# A finding is mended, and its input kept as tests/fuzz/guided/found/NAME-WHAT: a test replays it.
set -euo pipefail
cd "$(dirname "$0")/../../.."
name=${1:?which fuzzer: frame, messages, end_note, facts, snapshot, journal, workflow or job_config}
seconds=${2:-60}
corpus=build-fuzz/corpus/$name
mkdir -p "$corpus" build-fuzz/found
dictionary=()
case $name in workflow | job_config) dictionary=(-dict=tests/fuzz/guided/yaml.dict) ;; esac
TAGALIGN_SOURCE=$PWD TAGALIGN_FUZZ_SEEDS=$corpus exec "build-fuzz/fuzz/${name}_fuzzer" "${dictionary[@]}" \
  -max_total_time="$seconds" -artifact_prefix="build-fuzz/found/$name-" -print_final_stats=1 -max_len=8192 -timeout=10 \
  -rss_limit_mb=4096 "${@:3}" "$corpus"
