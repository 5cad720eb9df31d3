# Everything one does here, one word each. `just` alone lists them.

_list:
    @just --list --unsorted

# Does it compile, and what does clippy say?
check:
    cargo clippy --all-targets -- --deny warnings

# The quick tests: nothing beside the Rust toolchain is needed
test *ARGUMENTS:
    cargo test {{ARGUMENTS}}

# All tests, as CI runs them; installs what they need
test-all:
    scripts/test

# Try made-up texts on the parser, the checker or the formatter: just fuzz fmt -runs=100000
fuzz TARGET *ARGUMENTS:
    RUSTC_BOOTSTRAP=1 cargo fuzz run -s none --no-trace-compares {{TARGET}} -- -max_len=512 -dict=fuzz/words.dict -entropic=0 -reduce_inputs=0 {{ARGUMENTS}}

# Lay out all source files
fmt:
    cargo fmt

# Run a scenario: just run scenarios/http.scn --demo
run *ARGUMENTS:
    cargo run --release --quiet -- run {{ARGUMENTS}}

# A load test in containers: just load-test run --profile load; just load-test help tells the rest
load-test *ARGUMENTS:
    scripts/load-test {{ARGUMENTS}}

# Serve the oscilloscope service: just demo --latency 20ms
demo *ARGUMENTS:
    cargo run --release --quiet -- demo {{ARGUMENTS}}

# What scn costs beside its peers, and whether a load is as planned: all in 27 minutes, or http eight websocket tls two memory start open stall crowd histograms growth stalled
bench *WHAT:
    scripts/peers
    cargo bench --quiet --bench peers -- {{WHAT}}

# Whether scn's numbers are true, measured on a service whose behaviour is known; takes four minutes
truth:
    cargo bench --quiet --bench peers -- truth

# The biggest source files
sizes:
    @find src tests benches -name '*.rs' | xargs wc -l | sort -rn | sed 1d | head -20
