#!/usr/bin/env bash
# The tests of the Python package of evals/. They need no data and no program. Arguments go to pytest.
set -euo pipefail
# shellcheck source=evals/environment.sh
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

"$python" -m pytest --quiet -p no:cacheprovider -c "$evals/pyproject.toml" "$evals/tests" "$@"
