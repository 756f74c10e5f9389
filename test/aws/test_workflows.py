"""What the workflows hand to Terraform and to the registry. actionlint looks at everything else."""

import re
import unittest

from terraform import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


class Workflows(unittest.TestCase):
    def test_who_runs_terraform_has_the_sign_ins_secret(self):
        """The variable has no file: without it every plan with oidc is refused."""
        found = [w.name for w in WORKFLOWS if "vars.STATE_BUCKET" in w.read_text()]
        self.assertEqual(found, ["deploy.yml", "destroy.yml", "drift.yml", "plan.yml"])
        for name in found:
            with self.subTest(name):
                text = (ROOT / ".github/workflows" / name).read_text()
                self.assertIn("TF_VAR_oidc_client_secret: ${{ secrets.OIDC_CLIENT_SECRET }}", text)

    def test_a_commit_can_be_built_again(self):
        """Tags of the registry never move, so a second run of the same commit needs another one."""
        (tag,) = re.findall(r"^ +tags: (.*)$", (ROOT / ".github/workflows/deploy.yml").read_text(), re.MULTILINE)
        self.assertIn("github.run_id", tag)
        self.assertIn("github.run_attempt", tag)
