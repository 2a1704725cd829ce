# SPDX-License-Identifier: ISC
"""Messages that Python's email package writes are read as it means them, and
what we write is read by it: parts, contents, names, headers, addresses."""

import base64
import email.header
import email.message
import email.policy
import email.utils
import os
import quopri
import random
import subprocess

from lib import instance

ASK = os.path.join(instance.BUILD, "test", "mime-ask")

LATIN = "Größe, süß & Café “naïve” – ½ €"
WORDS = {
    "us-ascii": "plain words, and = signs ? with _ marks",
    "utf-8": LATIN + " 日本語 Привет 한국어 😀 עברית",
    "iso-8859-1": "Größe, süß & Café ½",
    "iso-8859-2": "Příliš žluťoučký kůň",
    "iso-8859-5": "Привет мир",
    "iso-8859-7": "Καλημέρα κόσμε",
    "iso-8859-8": "שלום עולם",
    "iso-8859-9": "Şişli ığdır",
    "iso-8859-15": "10 € für Œuvre",
    "windows-1250": "Příliš „žluťoučký“",
    "windows-1251": "Привет — мир",
    "windows-1252": LATIN,
    "windows-1253": "Καλημέρα",
    "windows-1255": "שלום",
    "windows-1256": "مرحبا",
    "windows-1257": "Ąžuolas šermukšnis",
    "koi8-r": "Съешь ещё этих мягких булок",
    "koi8-u": "Її ґанок є",
    "gb2312": "中文邮件 标题",
    "gbk": "中文郵件 標題",
    "gb18030": "中文𠀀邮件 ñ",
    "big5": "繁體中文 郵件",
    "euc-jp": "日本語の件名 テスト",
    "iso-2022-jp": "日本語の件名 テスト abc",
    "shift_jis": "日本語の件名 テスト",
    "euc-kr": "한국어 제목",
    "iso-2022-kr": "한국어 제목 abc",
    "tis-620": "ภาษาไทย",
    "utf-16be": "Größe 日本語 😀",
    "utf-16le": "Größe 日本語 😀",
    "utf-7": "Größe 日本語 +",
}


class Asker:
    """Many requests, one process."""

    def __init__(self):
        self.asked = []

    def ask(self, verb, data, argument="-"):
        self.asked.append(
            f"{verb} {argument} {len(data)}\n".encode() + data)

    def answers(self):
        done = subprocess.run([ASK], input=b"".join(self.asked), check=True,
                              capture_output=True, timeout=60)
        answer = []
        for line in done.stdout.decode().splitlines():
            if line == ".":
                yield answer
                answer = []
            else:
                answer.append([bytes.fromhex(x) for x in line.split(" ")])


def only(answer):
    assert len(answer) == 1 and len(answer[0]) == 1
    return answer[0][0]


def text_of(rng, charset, lines):
    words = WORDS[charset].split()
    return "".join(" ".join(rng.choices(words, k=rng.randint(0, 12))) + "\n"
                   for _ in range(lines))


def body_in(rng, raw, transfer):
    if transfer == "base64":
        return base64.encodebytes(raw)
    if transfer == "quoted-printable":
        return quopri.encodestring(raw)
    return raw


def leaf(rng):
    """The source of a part, and what is expected of it."""
    charset = rng.choice(sorted(WORDS))
    transfers = ["base64"]
    if not charset.startswith("utf-16"):
        transfers += ["quoted-printable", "8bit"]
    transfer = rng.choice(transfers)
    name = rng.choice(["", "a.txt", "Größe 日本.pdf", "x" * 100 + ".bin"])
    text = text_of(rng, charset, rng.randint(0, 8))
    if rng.random() < 0.3:
        kind, raw = "application/x-test", rng.randbytes(rng.randint(0, 300))
        transfer, content, charset = "base64", raw, ""
    else:
        kind, raw = "text/plain", text.encode(charset)
        content = text.encode()
    part = email.message.Message()
    part["Content-Type"] = kind
    if charset:
        part.set_param("charset", charset)
    part["Content-Transfer-Encoding"] = transfer.upper()
    if name:
        part.add_header("Content-Disposition", "attachment",
                        filename=("utf-8", "", name))
    body = body_in(rng, raw, transfer)
    source = part.as_bytes().rstrip(b"\n") + b"\n\n" + body
    return source, (kind, charset, name, content)


def multipart(rng, depth, boundary="b"):
    leaves = []
    body = rng.choice([b"", b"for older readers\n"])
    for i in range(rng.randint(1, 4)):
        if depth and rng.random() < 0.4:
            # Boundaries that begin as their parents' do.
            source, inner = multipart(rng, depth - 1, boundary + str(i))
            leaves += [(f"{i + 1}.{at}", want) for at, want in inner]
        else:
            source, want = leaf(rng)
            leaves.append((str(i + 1), want))
        body += b"--%s\n%s\n" % (boundary.encode(), source)
    body += b"--%s--\n" % boundary.encode() + rng.choice([b"", b"end\n"])
    return (b"Content-Type: multipart/mixed;\n boundary=\"%s\"\n\n"
            % boundary.encode() + body), leaves


def test_parts():
    asker, wanted = Asker(), []
    for seed in range(150):
        rng = random.Random(seed)
        source, leaves = multipart(rng, 3)
        if seed % 2:
            source = b"From: a@x\r\n" + source.replace(b"\n", b"\r\n")
        asker.ask("parts", source)
        wanted.append((source, leaves))
    for (source, leaves), got in zip(wanted, asker.answers(), strict=True):
        assert [x[0].decode() for x in got] == [at for at, _ in leaves]
        theirs = [x for x in email.message_from_bytes(source).walk()
                  if not x.is_multipart()]
        for (_, kind, charset, name, content), (_, want), their in zip(
                got, leaves, theirs, strict=True):
            assert (kind.decode(), charset.decode(), name.decode()) == want[:3]
            assert content == want[3]
            assert their.get_content_type() == kind.decode()
            assert (their.get_filename() or "") == name.decode()
            raw = their.get_payload(decode=True)
            if charset:
                raw = raw.decode(charset.decode()).encode()
                raw = raw.replace(b"\r\n", b"\n")
            assert content == raw


def test_read_headers():
    asker, wanted = Asker(), []
    for seed, charset in enumerate(sorted(WORDS) * 4):
        if charset.startswith("utf-16"):
            continue
        rng = random.Random(seed)
        text = " ".join(rng.choices(WORDS[charset].split(),
                                    k=rng.randint(1, 30)))
        header = email.header.Header(text, charset, header_name="Subject")
        asker.ask("decode", header.encode().encode())
        wanted.append(text)
    for text, got in zip(wanted, asker.answers(), strict=True):
        assert only(got).decode() == text


def test_read_words_cut_anywhere():
    asker, wanted = Asker(), []
    for charset, text in WORDS.items():
        raw = text.encode(charset)
        for cut in range(len(raw) + 1):
            first = base64.b64encode(raw[:cut]).decode()
            second = "".join(f"={x:02x}" for x in raw[cut:])
            asker.ask("decode", f"=?{charset}?B?{first}?=\r\n"
                      f" =?{charset}?Q?{second}?=".encode())
            wanted.append(text)
    for text, got in zip(wanted, asker.answers(), strict=True):
        assert only(got).decode() == text


def test_written_headers():
    asker, wanted = Asker(), []
    for seed, charset in enumerate(sorted(WORDS) * 6):
        if charset.startswith("utf-16") or charset == "utf-7":
            continue
        rng = random.Random(seed)
        words = WORDS[charset].split() + ["plain", "words", "=?x?="]
        text = " ".join(rng.choices(words, k=rng.randint(1, 30)))
        asker.ask("encode", text.encode(), charset)
        wanted.append(text)
    for text, got in zip(wanted, asker.answers(), strict=True):
        source = b"Subject: " + only(got)
        assert all(len(x) <= 76 for x in source.split(b"\n"))
        assert source.isascii()
        parsed = email.message_from_bytes(
            source + b"\n\n", policy=email.policy.default)
        assert parsed["Subject"] == text


NAMES = ["", "Ana", "Ana Paz", "Paz, Ana", 'Ana "P." Paz', "J. R. (Bob) <x>",
         "back\\slash", "Jürg Größe", "日本 太郎", "a;b:c@d", "Привет, мир",
         "x" * 60, "é" * 60, "=?utf-8?q?x?="]
ADDRESSES = ["ana@example.org", "a.b+c=d/e@x.example", "o'neil@example.org",
             "a_b-c!d@[192.0.2.1]", "root"]


def test_read_people():
    asker, wanted = Asker(), []
    for seed in range(100):
        rng = random.Random(seed)
        people = [(rng.choice(NAMES[:-1]), rng.choice(ADDRESSES[:-1]))
                  for _ in range(rng.randint(1, 20))]
        asker.ask("people", ",\n ".join(
            email.utils.formataddr(x) for x in people).encode())
        wanted.append(people)
    for people, got in zip(wanted, asker.answers(), strict=True):
        assert [(x.decode(), y.decode()) for x, y in got] == people


def test_written_people():
    asker, wanted = Asker(), []
    for charset in ("utf-8", "gb18030", "iso-8859-1"):
        for name in NAMES:
            for address in ADDRESSES[:-1]:
                asker.ask("person", f"{name}\n{address}".encode(), charset)
                wanted.append((name, address))
    for (name, address), got in zip(wanted, asker.answers(), strict=True):
        source = only(got)
        [person] = email.message_from_bytes(
            b"To: " + source + b"\n\n",
            policy=email.policy.default)["To"].addresses
        assert person.addr_spec == address
        # It puts blanks between words that have none.
        if b"=?" in source:
            name = name.replace(" ", "")
            assert person.display_name.replace(" ", "") == name
        else:
            assert person.display_name == name


def sections(rng, name, text):
    """RFC 2231's form of it, cut and shuffled."""
    octets = [f"%{x:02X}" for x in text.encode()]
    cuts = sorted(rng.choices(range(len(octets) + 1), k=rng.randint(0, 12)))
    pieces = ["".join(octets[a:b])
              for a, b in zip([0] + cuts, cuts + [len(octets)])]
    pieces[0] = "utf-8''" + pieces[0]
    result = [f"{name}*{i}*={x}" for i, x in enumerate(pieces)]
    rng.shuffle(result)
    return result


def test_parameters():
    asker, wanted = Asker(), []
    for seed in range(200):
        rng = random.Random(seed)
        text = "".join(rng.choices("aä日 \\'\"%*;=é", k=rng.randint(1, 90)))
        text = f"x{text}x"
        asker.ask("params", "; ".join(
            ["attachment"] + sections(rng, "filename", text)).encode())
        asker.ask("param", text.encode(), "filename")
        wanted.append(text)
    answers = asker.answers()
    for text in wanted:
        assert next(answers) == [
            [b"attachment"], [b"filename", text.encode()]]
        source = only(next(answers))
        assert all(len(x) <= 76 for x in source.split(b"\n"))
        parsed = email.message_from_bytes(source + b"\n\n")
        assert parsed.get_filename() == text
