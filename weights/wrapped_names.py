"""Names of tensors behind the prefixes that wrappers leave on them.

`torch.nn.DataParallel` puts `module.` before every name, `torch.compile` puts `_orig_mod.`, and
whoever keeps a network as an attribute of another has that attribute's name before it: `model.`,
`net.`, `encoder.`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from weights.errors import InputError

_COMPILED = "_orig_mod."


def stored_names(names: Sequence[str], needed: Collection[str], path: object) -> dict[str, str]:
    """How a file calls what a network needs.

    Args:
      names: of all tensors in the file.
      needed: names of the network's tensors, without any prefix; at least one.
      path: of the file, for messages.

    Returns:
      Needed name -> name in the file, for one prefix before all of them. A needed name that no
      prefix brings is left as it is.

    Raises:
      InputError: several networks in the file fit, under different prefixes.
    """
    # A part of a network may be compiled as well, so that the word stands in the middle.
    plain = {name.replace(_COMPILED, ""): name for name in names}
    first = next(iter(needed))
    prefixes = [
        name.removesuffix(first) for name in plain if name == first or name.endswith(f".{first}")
    ]
    fitting = [p for p in prefixes if all(f"{p}{name}" in plain for name in needed)]
    if len(fitting) > 1 and "" not in fitting:
        raise InputError(
            f"{path}: holds several such networks, under {' and '.join(sorted(fitting))}; save one "
            "of them alone."
        )
    if not fitting:
        # What is missing is best said of the prefix that brings the most.
        prefixes.sort(key=lambda p: sum(f"{p}{name}" in plain for name in needed), reverse=True)
    prefix = "" if "" in fitting else next(iter(fitting or prefixes), "")
    return {name: plain.get(f"{prefix}{name}", f"{prefix}{name}") for name in needed}
