#!/usr/bin/env bash
# What zizmor says of the workflows in .github: nothing, pedantic audits included. Without network, so actions are checked for their pins and not for
# known faults.
#
#   scripts/workflows.sh
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

python_with "the workflows" "$target_dir/python/zizmor" zizmor==1.32.0
"$target_dir/python/zizmor/venv/bin/zizmor" --offline --pedantic --quiet .github/workflows || die "zizmor has found faults in .github/workflows"
echo "$(find .github/workflows -name '*.yml' | wc -l) workflow files, and zizmor has nothing to say"
