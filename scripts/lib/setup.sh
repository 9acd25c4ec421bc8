# Shared by scripts/demo, scripts/test and scripts/check: what a fresh machine lacks. Sourced, not run.
# shellcheck shell=bash

# Debian keeps daemons where ordinary users do not look; Homebrew has a home of its own.
PATH="$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin:/opt/homebrew/sbin"
export PATH

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

# Prints the first Python that is new enough.
find_python() {
  local candidate
  for candidate in "${LOACAST_PYTHON:-}" python3.11 python3.12 python3.13 python3 python3.14 python; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  die "Python 3.11 or newer is needed (Debian, Ubuntu: apt-get install python3; macOS: brew install python)"
}

# Runs a command as root: directly, or by sudo, which may ask for a password.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

can_be_root() { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1; }

# apt_install PACKAGE…
apt_install() {
  can_be_root || die "please have an administrator run: apt-get install $*"
  say "Installing by apt-get: $*"
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >&2 ||
    die "apt-get could not install: $*"
}

# need COMMAND APT_PACKAGE BREW_PACKAGE: installs the package where the command is missing.
need() {
  command -v "$1" >/dev/null 2>&1 && return
  if command -v apt-get >/dev/null 2>&1; then
    apt_install "$2"
  elif command -v brew >/dev/null 2>&1; then
    say "Installing by brew: $3"
    brew install --quiet "$3" >&2 || die "brew could not install $3"
  else
    die "$1 is missing, and neither apt-get nor brew is here: please install it ($2) and try again"
  fi
  hash -r
  command -v "$1" >/dev/null 2>&1 || die "$1 is still missing after the installation of $2"
}

need_mosquitto() {
  command -v mosquitto >/dev/null 2>&1 && return
  need mosquitto mosquitto mosquitto
  # Debian starts a broker of its own on port 1883 with the package. Nobody asked for that one; ours runs
  # on ports of its own. One that was there before us is never touched: this line is not reached then.
  if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
    as_root systemctl disable --now --quiet mosquitto.service >&2 || true
  elif [ -x /etc/init.d/mosquitto ]; then
    as_root /etc/init.d/mosquitto stop >/dev/null 2>&1 || true
  fi
}

need_voice() { need espeak-ng espeak-ng espeak-ng; }

# need_opus: the library with which a gateway hears a live voice; after the virtual environment is there.
need_opus() {
  .venv/bin/python -c "from device_agent.live_decoding import load_libopus; load_libopus()" 2>/dev/null && return
  if command -v apt-get >/dev/null 2>&1; then
    apt_install libopus0
  elif command -v brew >/dev/null 2>&1; then
    say "Installing by brew: opus"
    brew install --quiet opus >&2 || die "brew could not install opus"
  else
    say "libopus is missing, and neither apt-get nor brew is here: the gateways will play no live voice"
  fi
}

sha256_of() {
  if command -v sha256sum >/dev/null 2>&1; then cat "$@" | sha256sum; else cat "$@" | shasum -a 256; fi |
    cut -d ' ' -f 1
}

# show_count TOTAL: shows how many packages pip has got so far, in one line where someone is looking.
show_count() {
  local line count=0
  [ -t 2 ] || exec cat >/dev/null
  while read -r line; do
    case $line in
      Collecting* | "Requirement already"*) count=$((count + 1)) && printf '\r  %d of %d packages ' "$count" "$1" >&2 ;;
      "Installing collected"*) printf '\r  unpacking …            ' >&2 ;;
    esac
  done
  printf '\n' >&2
}

# venv_for PROFILE REQUIREMENTS…: makes .venv and installs the pinned files, unless their stamp is there.
venv_for() {
  local profile=$1 python stamp wanted arguments=() file
  shift
  stamp=".venv/requirements-$profile.sha256"
  wanted=$(sha256_of "$@")
  if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
  if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(find_python)
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
      # Debian ships the standard library in parts.
      command -v apt-get >/dev/null 2>&1 || die "$python has no ensurepip; please install its venv module"
      apt_install "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    say "Making the virtual environment .venv with $python"
    "$python" -m venv .venv
  fi
  for file in "$@"; do arguments+=(-r "$file"); done
  say "Installing the pinned Python packages ($*); the first time this takes a minute or two"
  mkdir -p var
  .venv/bin/python -m pip install --disable-pip-version-check --require-hashes --no-deps "${arguments[@]}" 2>&1 |
    tee var/pip.log | show_count "$(cat "$@" | grep -c '^[a-z].*==')" ||
    die "pip could not install the pinned packages: $(tail -n 5 var/pip.log)"
  printf '%s\n' "$wanted" >"$stamp"
}

venv_for_demo() {
  # What the tests need holds all that the demo needs.
  if [ "$(cat .venv/requirements-dev.sha256 2>/dev/null)" = "$(sha256_of requirements/dev.txt)" ]; then return; fi
  venv_for demo requirements/controller.txt requirements/agent.txt
}

venv_for_tests() { venv_for dev requirements/dev.txt; }
