"""Archives of other people's files."""
import tarfile

# Nothing outside the folder, where Python can see to it: Debian 12 began with 3.11.2, which cannot.
INSIDE = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def unpack(path, folder):
    with tarfile.open(path) as archive:
        archive.extractall(folder, **INSIDE)
