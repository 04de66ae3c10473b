"""What every converter gives back: the numbers of a network and what its file says about them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weights import files, keras_h5


@dataclasses.dataclass(frozen=True)
class NetworkWeights:
    """A network's numbers under the project's own layer names.

    Attributes:
      layers: Keras layer name -> weight name -> float32 array.
      attributes: what is known of them; always `network`, `source` (the file's name), `sha256`
        (of the source) and `format`, and what the network needs: `preprocessing`,
        `embedding_size`, `channel_order`, `mean`, `width`, `input_size`, `classes`.
    """

    layers: Mapping[str, Mapping[str, NDArray[np.float32]]]
    attributes: Mapping[str, Any]

    def save(self, path: str | os.PathLike[str], float16: bool = False) -> None:
        """Write a Keras `.h5` that the network's constructor loads; whole or not at all."""
        keras_h5.save_layer_weights(self.layers, path, self.attributes, float16)


def source_attributes(path: str | os.PathLike[str], network: str, form: str) -> dict[str, Any]:
    """The attributes that say where numbers come from."""
    return {
        "network": network,
        "source": Path(path).name,
        "sha256": files.sha256(path),
        "format": form,
    }
