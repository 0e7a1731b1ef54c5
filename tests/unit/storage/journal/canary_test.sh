#!/usr/bin/env bash
# Plants one bug (first argument) and runs the model tests and the loss of every pair of devices: they must fail. Passes
# when the bug is caught.
set -uo pipefail
bug=$1
test=$TAICANG_BUILD_DIR/tests/bin/test_journal
output=$(TAICANG_CANARY=$bug "$test" --gtest_filter='journal_model.acknowledged*:*the_loss_of_any_m*' 2>&1)
status=$?
if [[ $status -eq 0 ]]; then
    echo "the planted bug $bug was not caught by the journal's tests" >&2
    exit 1
fi
if ! grep -qE 'Failure|assertion|TC_ASSERT|assert' <<<"$output"; then
    echo "the model test ended with $status without saying what it found:" >&2
    tail -20 <<<"$output" >&2
    exit 1
fi
echo "$bug caught:"
grep -m1 -A4 -E 'Failure|assert' <<<"$output"
