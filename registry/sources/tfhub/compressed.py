"""A module as one tar file, as its publisher's server sends it."""

from __future__ import annotations

from registry.errors import ZooError
from registry.sources.remote import RemoteFile
from registry.sources.tfhub.errors import MOVED, told
from registry.sources.tfhub.handle import asking
from registry.sources.tfhub.web import length_of, md5_of, open_url
from registry.unpack import HEAD_BYTES, kind_of, looks_like_a_page


def archive_of(handle: str, path: str) -> RemoteFile:
    """Describe a module's tar file, which is to be called `path`, by the beginning of an answer.

    Raises:
        ZooError: there is none; or what is there is none.
    """
    with told(handle), open_url(asking(handle, "compressed")) as response:
        head = response.read(HEAD_BYTES)
        if kind_of(head) != "tar":
            got = "a web page" if looks_like_a_page(head) else response.headers.get_content_type()
            raise ZooError(f"{handle} is no TF Hub module: expected a tar file, got {got} from {response.url}", MOVED)
        return RemoteFile(path, length_of(response), md5_of(response), archive=True)
