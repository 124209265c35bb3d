"""Who distrusts an image builds it again."""

from collections.abc import Callable
from uuid import uuid4

from .container import Image, buildah


def test_the_same_sources_and_the_same_base_are_the_same_image(image: Image, build: Callable[[str], str]) -> None:
    """To the bit, with a second between the two: no time, no order of files, no directory of the build is in it."""
    name = f"localhost/directflow/image-test:{uuid4().hex[:8]}"
    again = build(name)
    try:
        assert again == image.described["id"]
    finally:
        buildah("rmi", name)
