"""A copy of deploy/terraform that applies to an emulator instead of AWS."""

import json
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Over the provider of the real files. NotImplemented looks like a broken server to the
# provider, which would try 25 times and for minutes; a few are for a connection that was cut.
OVERRIDE = """
provider "aws" {
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
  max_retries                 = 4
}
"""


class Failed(Exception):
    pass


BACKEND = """
terraform {
  backend "local" {}
}
"""


class Terraform:
    """A root of deploy/terraform, in a copy of it that is made in folder."""

    def __init__(self, folder, endpoint, variables, root="."):
        copy = pathlib.Path(folder) / "deploy"
        if not copy.exists():
            ignored = shutil.ignore_patterns(".terraform*", "terraform.tfstate*", "terraform.tfvars")
            shutil.copytree(ROOT / "deploy", copy, ignore=ignored)
        self.folder = copy / "terraform" / root
        (self.folder / "emulator_override.tf").write_text(OVERRIDE + (BACKEND if root == "." else ""))
        self.variables = variables
        self.printed = ""
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
        self.environment |= {"AWS_ENDPOINT_URL": endpoint, "TF_IN_AUTOMATION": "1"}
        plugins = os.environ.get("TF_PLUGIN_DIR")
        self.run("init", "-input=false", *([f"-plugin-dir={plugins}"] if plugins else []))

    def run(self, command, *arguments):
        """Runs it; gives what it printed."""
        done = subprocess.run(
            ["terraform", command, *arguments, *([] if command == "show" else ["-no-color"])],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )
        if command != "show":
            self.printed += done.stdout
        if done.returncode != 0:
            raise Failed(f"terraform {command}:\n{done.stdout[-6000:]}")
        return done.stdout

    def arguments(self, **more):
        files = [v for v in self.variables if v.endswith(".tfvars")]
        values = [v for v in self.variables if not v.endswith(".tfvars")]
        values += [f"{k}={v}" for k, v in more.items()]
        return [f"-var-file={f}" for f in files] + [f"-var={v}" for v in values] + ["-input=false"]

    def apply(self, **more):
        self.run("apply", "-auto-approve", *self.arguments(**more))

    def destroy(self, **more):
        self.run("destroy", "-auto-approve", *self.arguments(**more))

    def outputs(self):
        return {k: v["value"] for k, v in json.loads(self.show())["values"]["outputs"].items()}

    def show(self):
        return self.run("show", "-json")
