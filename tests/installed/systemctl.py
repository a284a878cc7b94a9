#!/usr/bin/python3
"""A stand-in for systemctl, where systemd is not process 1: does for one service what its unit file says.

From the unit come ExecStart and ExecReload, the user, the directories, the credentials, the capabilities, the limit of
files, the umask, and READY=1 as the end of a start and of a reload. Left out is everything that restricts what the
service sees (ProtectSystem and the like), and the watchdog: tests/test_systemd.py has systemd itself look at those.
"""

import contextlib
import os
import resource
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

UNITS = Path("/etc/systemd/system")
STATE = Path("/run/stand-in")
USER = 61200  # one of those that systemd gives with DynamicUser
PATIENCE = 60.0


def unit(name):
    """Every value of the section [Service], by its name."""
    found, section = {}, ""
    for line in (UNITS / f"{name}.service").read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def one(values, key):
    return values.get(key, [""])[-1]


@contextlib.contextmanager
def told(name):
    """What the service sends to $NOTIFY_SOCKET."""
    STATE.mkdir(exist_ok=True)
    path = STATE / f"{name}.notify"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        path.chmod(0o777)
        sock.settimeout(PATIENCE)
        yield sock


def wait_for(sock, line):
    while line not in (lines := sock.recv(4096).decode().split("\n")):
        pass
    print(*lines)


def own(path, mode):
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, USER, USER)
    path.chmod(mode)
    return str(path)


def environment(name, values):
    made = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    made["NOTIFY_SOCKET"] = str(STATE / f"{name}.notify")
    for key, root in (("LogsDirectory", "/var/log"), ("StateDirectory", "/var/lib"), ("RuntimeDirectory", "/run")):
        if one(values, key):
            made[f"{key.removesuffix('Directory').upper()}_DIRECTORY"] = own(Path(root) / one(values, key), 0o755)
    credentials = Path(f"/run/credentials/{name}.service")
    made["CREDENTIALS_DIRECTORY"] = own(credentials, 0o500)
    for identifier in values.get("LoadCredential", ()):
        source, copy = Path("/etc/credstore") / identifier, credentials / identifier
        copy.unlink(missing_ok=True)
        if source.exists():
            copy.write_bytes(source.read_bytes())
            os.chown(copy, USER, USER)
            copy.chmod(0o400)
    return made


def start(name):
    values = unit(name)
    assert one(values, "Type") == "notify", values
    assert one(values, "DynamicUser") == "yes", values
    keep = one(values, "AmbientCapabilities").lower().removeprefix("cap_")
    rights = [f"--inh-caps=-all,+{keep}", f"--ambient-caps=-all,+{keep}", f"--bounding-set=-all,+{keep}"]
    user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs", *rights]
    files = int(one(values, "LimitNOFILE"))
    umask = int(one(values, "UMask"), 8)

    def limits():
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, hard),) * 2)
        os.umask(umask)

    with told(name) as sock, open(STATE / f"{name}.journal", "ab") as journal:
        process = subprocess.Popen(
            [*user, *shlex.split(one(values, "ExecStart"))], env=environment(name, values), stdin=subprocess.DEVNULL,
            stdout=journal, stderr=journal, cwd="/", start_new_session=True, preexec_fn=limits,
        )  # fmt: skip
        (STATE / f"{name}.pid").write_text(str(process.pid))
        wait_for(sock, "READY=1")


def pid(name):
    return int((STATE / f"{name}.pid").read_text())


def reload(name):
    with told(name) as sock:
        subprocess.run(shlex.split(one(unit(name), "ExecReload").replace("$MAINPID", str(pid(name)))), check=True)
        wait_for(sock, "RELOADING=1")
        wait_for(sock, "READY=1")


def alive(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def stop(name):
    number = pid(name)
    if alive(number):
        os.kill(number, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while alive(number):
        assert time.monotonic() < deadline, f"{name} does not end"
        time.sleep(0.05)


def main():
    command, *words = sys.argv[1:]
    names = [word for word in words if not word.startswith("-")]
    for name in names:
        if command in ("stop", "restart") or (command == "disable" and "--now" in words):
            stop(name)
        if command in ("start", "restart") or (command == "enable" and "--now" in words):
            start(name)
        if command == "reload":
            reload(name)
    assert names or command == "daemon-reload", sys.argv


main()
