"""Speed and success of FGSM and PGD against foolbox, ART and cleverhans.

    python -m benchmarks.attacks

All attack the same network (dlib's), images (faces of ORL, pairs of one person), epsilon and steps,
from the image itself and without keeping the best iterate, and hand back the images. The floor is
the bare compiled network: as many of its gradients as the attack takes steps. Success is judged
afterwards, for all alike, by the network in float32. The order changes from round to round, so that
each takes every place equally often; the median is reported, on the clock and by the processor's
time summed over the cores, which other work on the machine inflates less. On a processor that
computes in bfloat16 the network runs in `mixed_bfloat16` as well.

Peers come with `pip install -e '.[bench]'`; missing ones are named and left out.
"""

from __future__ import annotations

import numpy as np
from absl import app, flags

# As the entry points have it; before TensorFlow is imported.
import experiments  # noqa: F401  # isort: skip
import tensorflow as tf

from attacks import FGSM, PGD, Attack, Dodging, judge
from attacks.stochastic import Deterministic
from benchmarks.peers import Craft, Task, installed_peers
from benchmarks.timing import Times, bare_gradients, measure, medians
from experiments.adversarial_sets import Counts, LegitimatePairs, legitimate_pairs
from experiments.precision import settle_precision
from resgn.faces.orl import load_orl
from resgn.target import Target, load_target, to_float

_IMAGES = flags.DEFINE_integer("images", 32, "Images in the one batch.", 1)
_STEPS = flags.DEFINE_integer("steps", 40, "Steps of PGD.", 1)
_EPSILON = flags.DEFINE_float("epsilon", 0.03, "L-infinity budget, images in [0, 1].", 0.0, 1.0)
_RELATIVE_STEP = flags.DEFINE_float("relative_step", 0.1, "PGD's step as a share of epsilon.", 0.0)
_ROUNDS = flags.DEFINE_integer("rounds", 0, "Timed rounds; 0: as many as there are rows.", 0)
_ATTACKS = flags.DEFINE_multi_enum("attack", ["FGSM", "PGD"], ["FGSM", "PGD"], "What to time.")
_BFLOAT16 = flags.DEFINE_enum(
    "bfloat16", "auto", ["auto", "yes", "no"], "Run in mixed_bfloat16, too; auto: where it is fast."
)

OURS, JUDGED, FLOOR = "attacks", "attacks, judged", "floor"
LOW = " (bfloat16)"


def main(argv: list[str]) -> None:
    """Print one table for each attack."""
    del argv
    target = load_target("dlib")
    pairs, probes, references = _faces(target, _IMAGES.value)
    images = to_float(pairs.images[probes]).numpy()
    criterion = Dodging(pairs.embeddings[references], pairs.threshold)

    networks: dict[str, Deterministic] = {"": target}
    if _BFLOAT16.value == "yes" or (
        _BFLOAT16.value == "auto" and settle_precision("auto") == "mixed_bfloat16"
    ):
        networks[LOW] = _LowPrecision(target)
    task = Task(
        tf.function(lambda x: _logits(target, criterion, x)),
        images,
        _EPSILON.value,
        _STEPS.value,
        _RELATIVE_STEP.value,
    )
    peers, missing = installed_peers(task)
    print(
        f"{len(images)} images, epsilon {task.epsilon:g}, PGD of {task.steps} steps of "
        f"{task.relative_step:g} epsilon, threshold {pairs.threshold:.4f}."
    )
    for line in missing:
        print(line)
    own = {
        "FGSM": FGSM(),
        "PGD": PGD(
            task.steps, relative_step=task.relative_step, random_start=False, keep_best=False
        ),
    }
    kept = {
        "FGSM": own["FGSM"],
        "PGD": PGD(task.steps, relative_step=task.relative_step, random_start=False),
    }
    for name, steps in (("FGSM", 1), ("PGD", task.steps)):
        if name not in _ATTACKS.value:
            continue
        rows: dict[str, Craft] = {}
        for ending, network in networks.items():
            rows[FLOOR + ending] = bare_gradients(network, criterion, images, steps)
            rows[OURS + ending] = _craft(own[name], network, criterion, task)
            rows[JUDGED + ending] = _attack(kept[name], network, criterion, task)
        rows |= {peer: crafts[name] for peer, crafts in peers.items()}
        _print_table(name, measure(rows, _ROUNDS.value), target, criterion, list(peers))


class _LowPrecision:
    """The target with its network in mixed_bfloat16 and its embedding in float32."""

    def __init__(self, target: Target) -> None:
        self._prepare = target.prepare
        policy = tf.keras.mixed_precision.global_policy()
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        try:  # layers take the policy when they are made
            self._network = target.network_at(target.input_size)
        finally:
            tf.keras.mixed_precision.set_global_policy(policy)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Unit embeddings, float32 `[N, D]`."""
        outputs = self._network(self._prepare(images), training=False)
        return tf.math.l2_normalize(tf.cast(outputs, tf.float32), axis=-1)


def _faces(target: Target, count: int) -> tuple[LegitimatePairs, np.ndarray, np.ndarray]:
    """Pairs of one person that the target verifies correctly, as Table 1 takes them."""
    pairs = legitimate_pairs(load_orl(), target, Counts((count, 1), (1, 1), (1, 1)), True, 0)
    chosen = pairs.parts["train"]
    rows = np.flatnonzero(chosen.same)[:count]
    return pairs, chosen.probe[rows], chosen.reference[rows]


def _logits(network: Target, criterion: Dodging, images: tf.Tensor) -> tf.Tensor:
    margin = criterion.margin(network(images), *criterion.tensors())
    return tf.stack([-margin, margin], axis=-1)


def _craft(attack: Attack, network: Deterministic, criterion: Dodging, task: Task) -> Craft:
    return lambda: attack.craft(
        network, task.images, criterion, epsilons=[task.epsilon], batch_size=len(task.images)
    )[0]


def _attack(attack: Attack, network: Deterministic, criterion: Dodging, task: Task) -> Craft:
    return lambda: attack(
        network, task.images, criterion, epsilons=[task.epsilon], batch_size=len(task.images)
    ).perturbed[0]


def _print_table(
    attack: str, times: Times, target: Target, criterion: Dodging, peers: list[str]
) -> None:
    clock, processor = medians(times)
    fastest = min(peers, key=clock.__getitem__, default=None)
    print(f"\n## {attack}\n")
    print(
        "| | images/s | quartiles | processor, ms an image | time / floor | processor / floor "
        "| success | success in 8 bits |"
    )
    print("|---|---|---|---|---|---|---|---|")
    count = len(criterion)
    for name, (images, seconds, _) in times.items():
        low, high = np.quantile(seconds, [0.25, 0.75])
        judged = "| |"
        if not name.startswith(FLOOR):
            _, success, rounded = judge(target, images[np.newaxis], criterion, batch_size=count)
            judged = f"| {success.mean():.1%} | {rounded.mean():.1%} |"
        print(
            f"| {name} | {count / clock[name]:.2f} | {count / high:.2f}-{count / low:.2f} "
            f"| {1e3 * processor[name] / count:.1f} | {clock[name] / clock[FLOOR]:.3f} "
            f"| {processor[name] / processor[FLOOR]:.3f} {judged}",
            flush=True,
        )
    if fastest is not None:
        for name in times:
            if name.startswith(OURS):
                print(
                    f"\n{name}: {clock[fastest] / clock[name]:.2f} times the speed of the fastest "
                    f"peer, {fastest} ({processor[fastest] / processor[name]:.2f} by processor)."
                )
    print(
        f"\nOf the time of {OURS} {min(1.0, clock[FLOOR] / clock[OURS]):.1%} are the network's "
        "own gradients."
    )


if __name__ == "__main__":
    app.run(main)
