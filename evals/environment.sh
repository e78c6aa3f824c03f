# Sourced by run.sh and test.sh: sets `evals` and `python`, the interpreter with the packages of uv.lock.
# shellcheck shell=bash
#
# uv is taken from the path, else installed by pip into the target folder, where the environment lies too.
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

evals=$root/evals
place=$target_dir/evals
uv_version=0.13.9

have python3 || die "Python 3.11 or newer is needed: python3 is not on the path"
if have uv; then
    uv=uv
else
    uv=$place/uv/bin/uv
    if [[ ! -x $uv ]]; then
        python3 -m venv "$place/uv" || die "python3 cannot make an environment: install python3-venv"
        "$place/uv/bin/pip" install --quiet "uv==$uv_version"
    fi
fi
export UV_PROJECT_ENVIRONMENT=$place/venv
# What the lock says, whatever index is in force.
"$uv" sync --quiet --frozen --no-progress --project "$evals"
# shellcheck disable=SC2034  # used by those who source this
python=$place/venv/bin/python
export PYTHONPATH=$evals PYTHONDONTWRITEBYTECODE=1
