#!/usr/bin/env bash
# Times `collect --logs` on plain and gzip logs of PostgreSQL beside `scan` and ripgrep, on one CPU and on all. Needs Linux, Python 3,
# ripgrep and 7 GB in TMPDIR. Usage: benches/copied_logs.sh target/release/ssl-usage
set -euo pipefail
program="$(realpath "$1")"
source="$(dirname "$(realpath "$0")")/../samples/postgres/16-rds/postgresql.log.2026-11-23-10"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export HOME="$work" TIMEFORMAT='%R s, %U s user'

# 48 hours of 64 MB: the sample as it is (dense), and with 60 statements between its records (sparse).
python3 - "$source" "$work" <<'PYTHON'
import pathlib, sys
sample = open(sys.argv[1]).read()
statement = "2026-11-23 10:{:02}:{:02} UTC:10.0.3.17(40123):app@orders:[{}]:LOG:  duration: {}.250 ms  statement: SELECT id, total FROM orders WHERE customer = {} ORDER BY id DESC LIMIT 20\n"
statements = "".join(statement.format(n // 2, n, 2000 + n, n, n * 37) for n in range(60))
sparse = "".join(line + statements for line in sample.splitlines(keepends=True)[:120])
for kind, text in (("dense", sample), ("sparse", sparse)):
    folder = pathlib.Path(sys.argv[2], kind, "orders-prod", "error")
    folder.mkdir(parents=True)
    for n in range(48):
        day, hour = 21 + n // 24, n % 24
        of_hour = text.replace("2026-11-23 10:", f"2026-11-{day} {hour:02}:")
        folder.joinpath(f"postgresql.log.2026-11-{day}-{hour:02}").write_text(of_hour * (2**26 // len(of_hour)))
PYTHON

for kind in dense sparse; do
    mkdir -p "$work/$kind-gz/orders-prod/error"
    for log in "$work/$kind"/orders-prod/error/*; do
        gzip -c "$log" >"$work/$kind-gz/orders-prod/error/$(basename "$log").gz"
    done
done

# shellcheck disable=SC2016 # The inner shells expand it.
zcat_rg='find "$1" -type f -print0 | xargs -0 -P "$(nproc)" -n 1 sh -c '\''zcat "$0" | rg -c "connection authorized"'\'

timed() {
    printf '%s: ' "$1"
    time "${@:2}" >/dev/null
}

for kind in dense sparse; do
    for cpus in 0 "0-$(($(nproc) - 1))"; do
        for form in "" -gz; do
            logs="$work/logs"
            rm -rf "$logs" "$work/bundle"
            mkdir -p "$logs/orders-prod/error"
            # One CPU reads eight hours.
            if [[ $cpus == 0 ]]; then hours='*-21-0[0-7]*'; else hours='*'; fi
            find "$work/$kind$form" -type f -name "$hours" -exec ln -t "$logs/orders-prod/error" {} +
            cat "$logs"/orders-prod/error/* >/dev/null
            echo "$kind$form, CPUs $cpus"
            timed collect taskset -c "$cpus" "$program" collect --quiet --logs "$logs" -o "$work/bundle" \
                --instance orders-prod --engine postgres --now 2026-11-24T00:00:00Z
            timed scan taskset -c "$cpus" "$program" scan "$logs" --format json
            if [[ -z $form ]]; then
                timed 'rg -c' taskset -c "$cpus" rg -c 'connection authorized' "$logs"
            else
                timed 'zcat | rg -c' taskset -c "$cpus" bash -c "$zcat_rg" bash "$logs"
            fi
        done
    done
done
