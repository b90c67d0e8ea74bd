# What `./x test` ends with: one line for each suite that ran, from the output of `cargo test` and of `node --test`, and
# a total. Fails if anything did, if a suite came to no end, and if `x` does not say that all were run.

function finish(seconds) {
    if (suite == "") return
    if (seconds == "") { failed++; seconds = "did not end" }
    if (passed + failed + ignored > 0)
        lines[++count] = sprintf("%-42s %7d %7d %8d %9s", suite, passed, failed, ignored, seconds)
    all_passed += passed; all_failed += failed; all_ignored += ignored
    suite = ""; passed = failed = ignored = 0
}

function begin(name) { finish(""); suite = name }

{ gsub(/\033\[[0-9;]*m/, "") }

# cargo: `Running unittests src/lib.rs (/target/release/deps/psycore_jit-0123456789abcdef)`
/^ +Running .* \(.*\)$/ {
    name = $NF
    gsub(/^.*\/|-[0-9a-f]+\)$/, "", name)
    begin(name ($2 == "unittests" ? ", " $3 : ""))
}
/^ +Doc-tests / { begin($2 ", documentation") }
# `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.05s`
/^test result: / {
    passed = $4; failed = $6; ignored = $8
    finish(substr($NF, 1, length($NF) - 1))
}

# node: `ℹ pass 12`, ..., `ℹ duration_ms 1234.5`
/^ +Running [^ ]*\.mjs$/ { begin($2) }
$2 == "pass" && NF == 3 { passed = $3 }
($2 == "fail" || $2 == "cancelled") && NF == 3 { failed += $3 }
($2 == "skipped" || $2 == "todo") && NF == 3 { ignored += $3 }
$2 == "duration_ms" && NF == 3 { finish(sprintf("%.2f", $3 / 1000)) }

/^x: cargo test failed$/ { cargo_failed = 1 }
/^x: all suites were run$/ { complete = 1 }

END {
    finish("")
    printf "\n%-42s %7s %7s %8s %9s\n", "suite", "passed", "failed", "ignored", "seconds"
    for (i = 1; i <= count; i++) print lines[i]
    printf "%-42s %7d %7d %8d\n", "total", all_passed, all_failed, all_ignored
    # What did not even start, since it could not be built.
    if (!complete || cargo_failed && all_failed == 0) { print "\nsomething could not be built: see above"; all_failed++ }
    printf "\n%d passed, %d failed\n", all_passed, all_failed
    exit all_failed > 0 || all_passed == 0
}
