# SPDX-License-Identifier: ISC
"""The same mail through chasqui and through Debian's Postfix.

    group = twins.Group(settings, users=[...], aliases="...")
    group.file("~ana/.forward", "bob\\n")
    group.account("zoe", uid=0, home="/dev/null")   what users= cannot say
    group.script("ln -s x mail/ana")           root, before the start; a
                                               child that stays is killed
    group.case("alias", "list", ...)          name, recipients
    group.compare()

Each system runs with the group's users (in a mount namespace where
/etc/passwd is another file), the same settings, the same files in the homes,
and gets all cases at once. What is compared of each case:

    outcomes    the log's lines about its recipients, and about those of all
                messages that came of it (sent on, notices)
    files       everything below the homes, the mail spool and out/: owner,
                mode, and content, as far as it is not a matter of the hour

It runs as a program of its own, so that the namespace ends with it.
"""

import difflib
import os
import pickle
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FIRST_UID = 62000
DOMAIN = "twins.test"
ORIGIN = "origin"  # who sends, and gets the notices


class Group:
    def __init__(self, settings=(), users=(), aliases="", master=()):
        self.settings = list(settings)
        self.users = list(users)
        self.aliases = aliases
        self.master = list(master)
        self.sender = f"{ORIGIN}@{DOMAIN}"
        self.accounts = {}
        self.scripts = []
        self.files = []
        self.cases = []

    def account(self, name, uid=None, gid=None, home=None, shell="/bin/sh"):
        """None: as any other user's."""
        self.accounts[name] = (uid, gid, home, shell)

    def script(self, text):
        self.scripts.append(text)

    def file(self, path, content, mode=0o644, owner=None):
        """~user/... is his; out/... is everybody's."""
        self.files.append((path, content, mode, owner))

    def case(self, name, *recipients, content="hello\n", headers=""):
        self.cases.append((name, list(recipients), content, headers))

    def run(self):
        result = subprocess.run(
            ["unshare", "--mount", sys.executable, __file__],
            input=pickle.dumps(self.__dict__), stdout=subprocess.PIPE,
            timeout=280, check=False)
        if result.returncode != 0:
            raise AssertionError(f"twins.py: exit {result.returncode}")
        return pickle.loads(result.stdout)


    def compare(self):
        """Fail with all that is not the same."""
        (ours, _), (theirs, _) = self.run()
        trouble = []
        for case, its in theirs["outcomes"].items():
            mine = ours["outcomes"].get(case, [])
            if mine != its:
                trouble += [case, *difference(mine, its)]
        for path in sorted(set(ours["files"]) | set(theirs["files"])):
            mine, its = ours["files"].get(path), theirs["files"].get(path)
            if mine != its:
                trouble += [path, *difference(
                    as_lines(mine, its), as_lines(its, mine))]
        if ours["warnings"] != theirs["warnings"]:
            trouble += ["warnings",
                        *difference(ours["warnings"], theirs["warnings"])]
        assert not trouble, "\n".join(trouble)


def difference(ours, theirs):
    return list(difflib.unified_diff(ours, theirs, "ours", "theirs",
                                     lineterm="", n=2))


def as_lines(found, other):
    """Of all files that have one name, without messages of the other."""
    lines, common = [], [m for *_, content in other or []
                         for m in content or []]
    for uid, gid, mode, content in found or []:
        lines.append(f"uid {uid} gid {gid} mode {mode}")
        for message in content or []:
            if message in common:
                common.remove(message)
                continue
            lines += message.decode(errors="backslashreplace").split("\n")
    return lines


# From here on: the program

def settle(text, where):
    """Without what two runs cannot have in common."""
    text = text.replace(where.encode(), b"HERE")
    for pattern, to in (
            (rb"\b[0-9A-F]{10,12}\b", b"QID"),
            (rb"(From \S*)  \w{3} \w{3} [ \d]\d [\d:]{8} \d{4}", rb"\1 DATE"),
            (rb"\w{3}, +\d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"
             rb"( \(\w+\))?", b"DATE"),
            (rb"\b\d{14}\.", b"STAMP."),
            (rb"QID\.\d+/", b"BOUNDARY/"),
            (rb"(?m)^(X-Postfix-Queue-ID: ).*$", rb"\1QID"),
            (rb"\(userid \d+\)", b"(userid N)"),
            (rb"/tmp/\d+\.P\d+(Q\d+)?\.", b"/tmp/QID.PID."),
            (rb"/tmp/QID\.P\d+(Q\d+)?\.", b"/tmp/QID.PID."),
            (rb"MAIL_CONFIG=.*", b"MAIL_CONFIG=ETC"),
            (rb"\[127\.0\.0\.1\]:\d+", b"[127.0.0.1]:PORT")):
        text = re.sub(pattern, to, text)
    return text


def messages(text):
    """A mailbox as a set: two deliveries may change places."""
    return sorted(re.split(rb"(?m)^(?=From )", text))


class Run:
    """One system, one group."""

    def __init__(self, group, where):
        self.group = group
        self.where = where
        self.mail = os.path.join(where, "mail")
        self.homes = os.path.join(where, "homes")

    def uid(self, user):
        return FIRST_UID + self.group["users"].index(user)

    def path(self, name):
        if name.startswith("~"):
            return os.path.join(self.homes, name[1:])
        return os.path.join(self.where, name)

    def prepare(self):
        self.refused, self.accepted = {}, 0
        for name, mode in (("mail", 0o1777), ("homes", 0o755),
                           ("out", 0o1777)):
            path = os.path.join(self.where, name)
            shutil.rmtree(path, ignore_errors=True)
            os.mkdir(path)
            os.chmod(path, mode)
        for user in self.group["users"]:
            home = os.path.join(self.homes, user)
            os.mkdir(home, 0o755)
            os.chown(home, self.uid(user), self.uid(user))
        for name, content, mode, owner in self.group["files"]:
            self.write(name, content, mode, owner)
        with open(os.path.join(self.where, "aliases"), "w",
                  encoding="utf-8") as f:
            f.write(self.group["aliases"].replace("HERE", self.where))
        subprocess.run(["/usr/sbin/postalias",
                        f"hash:{self.where}/aliases"], check=True,
                       stdin=subprocess.DEVNULL)
        self.left = [subprocess.Popen(
            ["sh", "-ec", text.replace("HERE", self.where)], cwd=self.where,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            start_new_session=True) for text in self.group["scripts"]]
        for child in self.left:
            # It says that it is ready, or ends.
            child.stdout.read(1)

    def clean(self):
        """What the scripts started."""
        for child in self.left:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()

    def write(self, name, content, mode, owner):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(content.replace("HERE", self.where))
        os.chmod(path, mode)
        if owner is None and name.startswith("~"):
            owner = name[1:].split("/")[0]
        if owner is not None:
            uid = owner if isinstance(owner, int) else self.uid(owner)
            os.chown(path, uid, uid)

    def settings(self):
        return {
            "myhostname": f"mail.{DOMAIN}", "mydomain": DOMAIN,
            "myorigin": DOMAIN, "mydestination": f"{DOMAIN}, localhost",
            "mail_spool_directory": self.mail, "biff": "no",
            "alias_maps": f"hash:{self.where}/aliases",
            "alias_database": f"hash:{self.where}/aliases",
            "local_recipient_maps": "", "recipient_delimiter": "+",
            "default_transport": "discard:", "relay_transport": "discard:",
            "inet_protocols": "ipv4", "queue_run_delay": "1000s",
            "minimal_backoff_time": "1000s", "command_time_limit": "3s",
            "maximal_backoff_time": "1000s",
            "smtpd_peername_lookup": "no",
        }

    def send_all(self, port):
        from lib.instance import Smtp
        for name, recipients, content, headers in self.group["cases"]:
            with Smtp(port) as smtp:
                smtp.command("EHLO client.example", 250)
                smtp.command(f"MAIL FROM:<{self.group['sender']}>", 250)
                refused = []
                for rcpt in recipients:
                    at = rcpt if "@" in rcpt else f"{rcpt}@{DOMAIN}"
                    reply = smtp.command(f"RCPT TO:<{at}>")
                    if reply.code != 250:
                        refused.append(f"refused: {reply.rstrip()}")
                if refused:
                    self.refused[name] = refused
                if len(refused) == len(recipients):
                    continue
                self.accepted += 1
                smtp.data(f"Message-Id: <{name}@case>\nFrom: {ORIGIN}\n"
                          f"Date: Thu, 1 Jan 2026 00:00:00 +0000\n"
                          f"To: undisclosed:;\nSubject: {name}\n{headers}\n"
                          f"{content}".replace("HERE", self.where))
                smtp.command("QUIT", 221)

    def is_quiet(self, log):
        """All that began has ended, or waits for its next time."""
        begun = {}
        for qid, event in re.findall(
                r"qmgr\[\d+\]: (\w+): (.*)", log):
            begun[qid] = begun.get(qid, False)
            if event == "removed":
                begun[qid] = True
        for qid in re.findall(r": (\w+): to=.*status=deferred", log):
            begun[qid] = True
        new = set(re.findall(r"forwarded as (\w+)|notification: (\w+)", log))
        ids = {a or b for a, b in new}
        return (all(begun.values()) and ids <= set(begun)
                and len({q for q in re.findall(
                    r"cleanup\[\d+\]: (\w+): message-id=<\S+@case>", log)})
                >= self.accepted)

    def wait_quiet(self, get_log):
        end, last, since = time.monotonic() + 100, None, 0
        while time.monotonic() < end:
            log = get_log()
            if log != last:
                last, since = log, time.monotonic()
            elif time.monotonic() - since > 0.7 and self.is_quiet(log):
                return log
            time.sleep(0.1)
        return log

    def collect(self, log):
        return {"outcomes": self.outcomes(log), "files": self.files(),
                "warnings": self.warnings(log)}

    def outcomes(self, log):
        """{case: [line]}; a message that came of another is its case."""
        case_of = {}
        for qid, case in re.findall(
                r"cleanup\[\d+\]: (\w+): message-id=<(\S+)@case>", log):
            case_of[qid] = case
        for qid, new in re.findall(
                r"bounce\[\d+\]: (\w+): [^\n]*notification: (\w+)", log):
            case_of[new] = case_of.get(qid, "?")
        found = {case: self.refused.get(case, [])
                 for case, *_ in self.group["cases"]}
        for program, qid, what in re.findall(
                r"postfix/(\w+)\[\d+\]: (\w+): ((?:to=|passing ).*)", log):
            what = re.sub(r"delay=[\d.]+, delays=[\d./]+", "", what)
            what = settle(what.encode(), self.where).decode()
            found.setdefault(case_of.get(qid, "?"), []).append(
                f"{program}: {what}")
        return {case: sorted(lines) for case, lines in found.items()}

    def warnings(self, log):
        return sorted(
            settle(line.encode(), self.where).decode()
            for line in re.findall(
                r"postfix/(?:local|virtual|pipe)\[\d+\]: (warning: .*)", log)
            # That of the outcome says the same.
            if "read time limit exceeded" not in line)

    def files(self):
        found = {}
        for top in ("mail", "homes", "out"):
            for directory, dirs, names in os.walk(
                    os.path.join(self.where, top)):
                for name in dirs + names:
                    path = os.path.join(directory, name)
                    key = os.path.relpath(path, self.where)
                    if re.search(r"/(new|cur|tmp)/", key):
                        key = os.path.dirname(key)
                    st = os.lstat(path)
                    content = None
                    if stat.S_ISREG(st.st_mode):
                        with open(path, "rb") as f:
                            content = messages(settle(f.read(), self.where))
                    found.setdefault(key, []).append(
                        (st.st_uid, st.st_gid, oct(st.st_mode), content))
        return {key: sorted(value, key=repr) for key, value in found.items()}


def run_ours(run):
    from lib import instance
    ours = instance.Instance(*(
        f"{name} = {value}".replace("HERE", run.where)
        for name, value in {**run.settings(), **dict(
            line.split(" = ", 1) for line in run.group["settings"])}.items()))
    try:
        ours.configure_master(*(line.replace("HERE", run.where)
                                for line in run.group["master"]))
        ours.start()
        run.send_all(ours.port)
        return run.collect(run.wait_quiet(ours.log)), ours.log()
    finally:
        ours.destroy()


def run_theirs(run):
    import postfix_peer
    settings = {**run.settings(), **dict(
        line.split(" = ", 1) for line in run.group["settings"])}
    with postfix_peer.PostfixPeer(
            {name: value.replace("HERE", run.where)
             for name, value in settings.items()},
            [line.replace("HERE", run.where)
             for line in run.group["master"]]) as peer:
        run.send_all(peer.port)
        return run.collect(run.wait_quiet(peer.log)), peer.log()


def make_users(group, where):
    group["users"].append(ORIGIN)
    path = os.path.join(where, "passwd")
    with open("/etc/passwd", encoding="utf-8") as f:
        text = f.read()
    for i, name in enumerate(group["users"]):
        text += (f"{name}:x:{FIRST_UID + i}:{FIRST_UID + i}:User {name}:"
                 f"{where}/homes/{name}:/bin/sh\n")
    for name, (uid, gid, home, shell) in group["accounts"].items():
        uid = FIRST_UID + 999 if uid is None else uid
        gid = uid if gid is None else gid
        home = f"{where}/homes/{name}" if home is None else home
        text += (f"{name}:x:{uid}:{gid}:User {name}:"
                 f"{home.replace('HERE', where)}:{shell}\n")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", path, "/etc/passwd"], check=True)


def main():
    sys.path.insert(0, os.path.dirname(HERE))
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bench"))
    group = pickle.load(sys.stdin.buffer)
    where = tempfile.mkdtemp(prefix="twins-")
    os.chmod(where, 0o755)
    try:
        make_users(group, where)
        run = Run(group, where)
        results = []
        for system in (run_ours, run_theirs):
            run.prepare()
            try:
                results.append(system(run))
            finally:
                run.clean()
    finally:
        shutil.rmtree(where, ignore_errors=True)
    pickle.dump(results, sys.stdout.buffer)


if __name__ == "__main__":
    main()
