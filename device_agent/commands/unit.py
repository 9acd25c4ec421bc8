"""The systemd unit of an installed gateway. Pure text.

Every line that shuts something off was checked against what the agent does, and the whole with
``systemd-analyze verify`` and ``security``; docs/gateway.md has the score.
"""

from dataclasses import dataclass
from pathlib import Path

SERVICE = "loacast-agent"
UNIT_FILE = Path("/etc/systemd/system/loacast-agent.service")
USER = "loacast-agent"
STATE_DIR = Path("/var/lib/loacast-agent")
RUNTIME_DIR = Path("/run/loacast-agent")
REALTIME_PRIORITY = 10
"""What `priority.ask_for_priority` asks for."""


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What differs from box to box."""

    python: Path
    """Interpreter of the virtual environment that the agent is installed in."""
    credential: Path
    settings: Path
    watchdog_s: int
    groups: tuple[str, ...]
    """Of the box's devices; systemd refuses to start a unit that names a group which is not there."""


def unit(facts: UnitFacts) -> str:
    """Return the unit file."""
    return f"""\
# Written by `loacast-agent install`, which will write it again. Changes belong into
# `systemctl edit {SERVICE}`.
[Unit]
Description=LoaCast gateway
# Not after time-sync.target: without a network it would wait for it, and an emergency needs no clock.
After=network.target sound.target
# It is to be tried again for ever: nobody is there to do it.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={facts.python} -m device_agent run \
--credential ${{CREDENTIALS_DIRECTORY}}/gateway.json --state-dir {STATE_DIR}
EnvironmentFile=-{facts.settings}
# The file stays root's; systemd shows it to the service alone.
LoadCredential=gateway.json:{facts.credential}
WatchdogSec={facts.watchdog_s}
TimeoutStartSec=60
TimeoutStopSec=20
TimeoutAbortSec=5
Restart=always
RestartSec=2

User={USER}
Group={USER}
SupplementaryGroups={" ".join(facts.groups)}
StateDirectory={STATE_DIR.name}
StateDirectoryMode=0700
RuntimeDirectory={RUNTIME_DIR.name}
RuntimeDirectoryMode=0755
UMask=0077

# A block of sound has 20 ms to be ready.
LimitRTPRIO={REALTIME_PRIORITY}
Nice=-5
OOMScoreAdjust=-500
# One heap instead of one per thread, and no workers for matrices that nobody multiplies.
Environment=MALLOC_ARENA_MAX=1 OPENBLAS_NUM_THREADS=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
ProtectProc=invisible
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
# The sound card, the amplifier's pin, a Raspberry Pi's firmware (under-voltage), and nothing else.
DevicePolicy=closed
DeviceAllow=char-alsa rw
DeviceAllow=char-gpiochip rw
DeviceAllow=/dev/vcio rw
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# The first two for the sound's priority. The others tell whether the clock is synchronised; without
# CAP_SYS_TIME they set nothing. ProtectClock= would forbid them.
SystemCallFilter=sched_setscheduler setpriority adjtimex clock_adjtime clock_adjtime64
SystemCallErrorNumber=EPERM
# Not MemoryDenyWriteExecute=: PortAudio calls back into Python through code that libffi writes at run time.
# Not PrivateUsers=: groups of devices would be nobody's. Not RestrictRealtime=: see LimitRTPRIO=.

[Install]
WantedBy=multi-user.target
"""
