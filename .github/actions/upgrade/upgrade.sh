#!/usr/bin/env bash
# The action's one step: inputs to words, which are never read as shell. The rest is the tool's.
set -euo pipefail
read -ra words <<<"$TOOL"
words+=(upgrade --timeout "$TIMEOUT")
if [[ -n $NODE ]]; then words+=(--node "$NODE"); fi
if [[ -n $RELEASE ]]; then words+=(--release "$RELEASE"); fi
if [[ -n $CONFIRM_WITHIN ]]; then words+=(--confirm-within "$CONFIRM_WITHIN"); fi
if [[ $WAIT == true ]]; then words+=(--wait); fi
if [[ -n $PLAN ]]; then words+=(-- "$PLAN"); fi
# A signal for the step reaches the tool itself.
exec "${words[@]}"
