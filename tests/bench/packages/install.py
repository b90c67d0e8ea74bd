"""Installs the packages of the suite into a directory: `install.py DIRECTORY`. Does nothing if they are there."""
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    if subprocess.run(command).returncode != 0:
        sys.exit("install: `%s` failed; the suite needs the packages from PyPI" % " ".join(command))


def lines_of(file):
    with open(os.path.join(HERE, file)) as lines:
        return [line.split() for line in lines if line.strip() and not line.startswith("#")]


def main(directory):
    wanted = "".join(open(os.path.join(HERE, file)).read() for file in ("requirements.txt", "sources.txt"))
    stamp = os.path.join(directory, "installed")
    if os.path.exists(stamp) and open(stamp).read() == wanted:
        return
    shutil.rmtree(directory, ignore_errors=True)
    pip("install", "--no-deps", "--no-compile", "--target", directory, "--only-binary=:all:", "--platform=any",
        "--implementation=py", "--python-version=3.11", "-r", os.path.join(HERE, "requirements.txt"))
    for requirement, folder in lines_of("sources.txt"):
        with tempfile.TemporaryDirectory() as scratch:
            pip("download", "--no-deps", "--no-binary=:all:", "-d", scratch, requirement)
            archive, = (name for name in os.listdir(scratch) if name.endswith(".tar.gz"))
            with tarfile.open(os.path.join(scratch, archive)) as tar:
                tar.extractall(scratch)
            unpacked = os.path.join(scratch, archive[:-len(".tar.gz")], folder)
            shutil.copytree(unpacked, os.path.join(directory, os.path.basename(folder)),
                            ignore=shutil.ignore_patterns("*.c", "*.pyi", "*.so"))
    with open(stamp, "w") as file:
        file.write(wanted)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
