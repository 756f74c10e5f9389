"""scripts/preflight, with stand-ins for dig and aws that tell what a table says."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from terraform import ROOT

# Answers a lookup by the files that are named by type and name.
DIG = """#!/bin/bash
words=() short= cd=
for word; do
  case $word in +short) short=1 ;; +cd) cd=1 ;; +*) ;; *) words+=("$word") ;; esac
done
if [ -n "$short" ]; then cat "$ANSWERS/${words[0]} ${words[1]}" 2>/dev/null; exit 0; fi
if [ -e "$ANSWERS/bogus" ] && [ -z "$cd" ]; then echo ';; ->>HEADER<<- opcode: QUERY, status: SERVFAIL'; else echo ';; ->>HEADER<<- opcode: QUERY, status: NOERROR'; fi
"""
AWS = """#!/bin/bash
case $2 in
list-hosted-zones-by-name) cat "$ANSWERS/zones" ;;
get-hosted-zone) cat "$ANSWERS/servers" ;;
esac
"""
GOOD = {
    "NS example.org": "ns-1.awsdns.com.\nNS-2.awsdns.org.\n",
    "zones": "/hostedzone/Z1\n",
    "servers": "ns-2.awsdns.org\tns-1.awsdns.com\n",
}


class Preflight(unittest.TestCase):
    def run_with(self, answers, domain="tasks.example.org", zone="example.org"):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name, text in {"dig": DIG, "aws": AWS}.items():
                (folder / name).write_text(text)
                (folder / name).chmod(0o755)
            for name, text in answers.items():
                if text is not None:
                    (folder / name).write_text(text)
            done = subprocess.run(
                [ROOT / "scripts/preflight", domain, zone], env={"PATH": f"{folder}:{os.environ['PATH']}", "ANSWERS": str(folder)},
                capture_output=True, text=True, check=False,
            )
            return done.returncode, done.stdout

    def test_nothing_in_the_way(self):
        for what, more in {
            "no CAA": {},
            "CAA for Amazon": {"CAA example.org": '0 issue "letsencrypt.org"\n0 issue "amazon.com"\n'},
            "CAA with parameters": {"CAA tasks.example.org": '0 issue "amazontrust.com; policy=ev"\n'},
            "CAA about something else": {"CAA example.org": '0 iodef "mailto:a@example.org"\n'},
            "a nearer CAA wins": {"CAA tasks.example.org": '0 issue "amazon.com"\n', "CAA example.org": '0 issue "letsencrypt.org"\n'},
        }.items():
            with self.subTest(what):
                code, out = self.run_with(GOOD | more)
                self.assertEqual((code, "PROBLEM" in out), (0, False), out)

    def test_what_keeps_a_certificate_waiting(self):
        for what, more, words in [
            ("not delegated", {"NS example.org": None}, "nobody answers for example.org"),
            ("another zone", {"servers": "ns-9.awsdns.com\n"}, "other name servers"),
            ("no zone here", {"zones": "\n"}, "no public zone example.org"),
            ("two zones", {"zones": "/hostedzone/Z1\t/hostedzone/Z2\n"}, "2 public zones"),
            ("CAA for others", {"CAA example.org": '0 issue "letsencrypt.org"\n'}, '0 issue "amazon.com"'),
            ("CAA for nobody", {"CAA tasks.example.org": '0 issue ";"\n'}, "not Amazon"),
            ("CAA for one that sounds so", {"CAA example.org": '0 issue "notamazon.com"\n'}, "not Amazon"),
            ("DNSSEC", {"bogus": ""}, "DNSSEC of example.org is broken"),
            ("a CNAME", {"CNAME tasks.example.org": "old.example.net.\n"}, "a CNAME stands at tasks.example.org"),
        ]:
            with self.subTest(what):
                code, out = self.run_with(GOOD | more)
                self.assertEqual(code, 1, out)
                self.assertIn(words, out)
                self.assertEqual(out.count("PROBLEM"), 1, out)

    def test_a_name_outside_of_the_zone(self):
        code, out = self.run_with(GOOD | {"NS example.com": "a.\n"}, domain="tasks.example.org", zone="ample.org")
        self.assertEqual(code, 1)
        self.assertIn("is not in the zone", out)


if __name__ == "__main__":
    unittest.main()
