"""Starts the kernel with the jars of this package, or installs it: skipgpt-kernel install [--user | --prefix FOLDER]."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

JARS = Path(__file__).resolve().parent / "jars"


def java():
    """The java of JAVA_HOME, else of the PATH."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=os.path.join(home, "bin")) if home else shutil.which("java")
    if not found:
        sys.exit("skipgpt-kernel: no java in JAVA_HOME or on the PATH: install a JDK of at least 17")
    return found


def options(executable):
    """What the kernel's Java is started with."""
    show = ["-XshowSettings:properties", "-version"]
    vectors = ["--add-modules=jdk.incubator.vector"]  # new tokens are computed in Java
    shown = subprocess.run([executable, *vectors, *show], capture_output=True, text=True)
    if shown.returncode != 0:  # a Java that was made without this module
        vectors = []
        shown = subprocess.run([executable, *show], capture_output=True, text=True)
    text = shown.stderr
    version = int(re.search(r"java\.specification\.version = (?:1\.)?(\d+)", text).group(1))
    if version < 17:
        sys.exit(f"skipgpt-kernel: {executable} is Java {version}: set JAVA_HOME to a JDK of at least 17")
    native = ["--enable-native-access=ALL-UNNAMED"] if version >= 22 else []
    own = shlex.split(os.environ.get("SKIPGPT_JVM_OPTS", ""))
    common = ["-Djava.awt.headless=true", "-Dfile.encoding=UTF-8", "-ea:REPL..."]
    forgetful = ["--add-opens=jdk.jshell/jdk.jshell=ALL-UNNAMED"]  # the kernel forgets cells that are over
    offline = ["-Dai.djl.offline=true"] if any(JARS.glob("pytorch-native-cpu*")) else []  # all natives are there
    return native + vectors + common + forgetful + offline + own + ["-cp", str(JARS / "*")]


def run(main, arguments):
    executable = java()
    command = [executable, *options(executable), main, *arguments]
    if os.name == "nt":
        sys.exit(subprocess.run(command).returncode)
    os.execv(executable, command)  # one process, so that signals and the watch for the parent work


def install():
    run("org.skipgpt.kernel.KernelInstall", sys.argv[1:])


if __name__ == "__main__":
    run("org.skipgpt.kernel.KernelMain", sys.argv[1:])
